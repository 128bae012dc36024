/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a layer's evidence, and the deadlines of its parts. */
#include "agent/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/broker.h"
#include "agent/conformance.h"
#include "agent/extend.h"
#include "agent/guard.h"
#include "agent/misbehave.h"
#include "agent/secret.h"
#include "agent/util.h"

#define TEXT_CHUNK   (200u << 10) /* bytes of log in a DMESG frame: JSON may escape each */
#define BLOB_CHUNK   (384u << 10) /* bytes of a file in a BLOB frame */
#define BLOB_MAX     (4u << 20)
#define KERNEL_LINES 20 /* lines of the log kept with a REPORT */

static const struct guarded facts[] = {
        {"cpu", probe_cpu},           {"devices", probe_devices},
        {"kvm", probe_kvm},           {"tsm", probe_tsm},
        {"af_alg", probe_af_alg},     {"confinement", probe_confinement},
        {"dmesg", probe_dmesg},       {"isolation", probe_isolation},
        {"syscalls", probe_syscalls}, {"reach", probe_reach},
        {"entry", probe_entry},       {"cost", probe_cost},
        {"modules", probe_modules},
};

/* `found` is what the probe made, or NULL with an error; it took so long. */
static int send_found(struct channel *c, const char *name, json_t *found, int error, double ms)
{
	json_t *fact = json_pack("{s:s,s:f}", "probe", name, "took_ms", ms);

	if (found) {
		json_object_update(fact, found);
		json_decref(found);
	} else {
		/*
		 * A probe that died is a finding: for KVM it is what "broken" means. One that was
		 * cut off is none, for the machine may only be slow.
		 */
		util_json_set_errno(fact, error);
		json_object_set_new(fact, "step",
		                    json_string(error == ETIMEDOUT ? "deadline" : "probe"));
		if (error != ETIMEDOUT && strcmp(name, "kvm") == 0)
			json_object_set_new(fact, "state", json_string("broken"));
	}
	return channel_send(c, FRAME_FACT, fact);
}

static int send_fact(struct channel *c, const char *name, guard_fn run, int deadline_ms)
{
	double start = util_now_fine_ms();
	int error;
	json_t *found = guard_run(run, NULL, deadline_ms, &error);

	return send_found(c, name, found, error, util_now_fine_ms() - start);
}

/* All in one process, unless it ends. */
static int send_facts(struct channel *c)
{
	struct guard g = {.pid = -1};
	int r = 0;

	for (size_t i = 0; i < COUNT_OF(facts) && r == 0; i++) {
		double start = util_now_fine_ms();
		json_t *found = NULL;
		int error = g.pid < 0 ? -guard_start(&g, &facts[i], COUNT_OF(facts) - i, NULL) : 0;

		if (error == 0)
			found = guard_next(&g, PROBE_DEADLINE_MS, &error);
		r = send_found(c, facts[i].name, found, error, util_now_fine_ms() - start);
	}
	if (g.pid > 0)
		guard_end(&g);
	return r;
}

static int send_log(struct channel *c)
{
	_cleanup_(util_freep) char *text = NULL;
	size_t size = 0, at = 0;
	int r = probe_kernel_log(&text, &size);

	if (r < 0) {
		json_t *object = json_pack("{s:b}", "last", 1);
		util_json_set_errno(object, r);
		return channel_send(c, FRAME_DMESG, object);
	}
	do {
		size_t n = size - at < TEXT_CHUNK ? size - at : TEXT_CHUNK;
		if (at + n < size) { /* pieces end with a line where they can */
			char *newline = memrchr(text + at, '\n', n);
			n = newline ? (size_t)(newline - (text + at)) + 1 : n;
		}
		r = channel_send(c, FRAME_DMESG,
		                 json_pack("{s:I,s:o,s:b}", "offset", (json_int_t)at, "text",
		                           util_json_text(text + at, n), "last", at + n == size));
		at += n;
	} while (r == 0 && at < size);
	return r;
}

static int send_blob(struct channel *c, const char *name, const char *path)
{
	_cleanup_(util_freep) char *data = NULL;
	size_t size = 0, at = 0;
	int r = util_read_file(path, BLOB_MAX, &data, &size);

	if (r < 0) {
		json_t *object = json_pack("{s:s,s:b}", "name", name, "last", 1);
		util_json_set_errno(object, r);
		return channel_send(c, FRAME_BLOB, object);
	}
	do {
		size_t n = size - at < BLOB_CHUNK ? size - at : BLOB_CHUNK;
		r = channel_send(c, FRAME_BLOB,
		                 json_pack("{s:s,s:I,s:o,s:b}", "name", name, "offset",
		                           (json_int_t)at, "data", util_json_base64(data + at, n),
		                           "last", at + n == size));
		at += n;
	} while (r == 0 && at < size);
	return r;
}

/* New lines of the kernel log since the descriptor was put at its end. */
static json_t *kernel_lines(int fd)
{
	json_t *list = json_array();
	char record[8192];
	ssize_t n;

	while (json_array_size(list) < KERNEL_LINES && (n = read(fd, record, sizeof(record))) > 0) {
		char *text = memchr(record, ';', (size_t)n);
		char *end = text ? memchr(text, '\n', (size_t)(record + n - text)) : NULL;
		if (end)
			json_array_append_new(list,
			                      util_json_text(text + 1, (size_t)(end - text - 1)));
	}
	return list;
}

static int send_report(struct channel *c, const struct visit_layer *layer, const char *name,
                       enum report_interface interface, guard_fn run)
{
	_cleanup_(util_closep) int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct report_request request;
	uint8_t evidence[SHA384_SIZE];
	double start;
	int error;

	if (log >= 0)
		lseek(log, 0, SEEK_END);
	channel_evidence(c, evidence);
	if (interface == REPORT_IOCTL)
		report_data_make(layer->nonce, layer->id, interface, evidence, request.report_data);
	else
		report_data_make(misbehave_nonce(layer->nonce), misbehave_id(layer->id), interface,
		                 evidence, request.report_data);
	start = util_now_fine_ms();
	json_t *report =
	        json_pack("{s:s,s:b,s:s,s:n,s:n,s:n,s:n}", "interface", name, "ok", 0, "step",
	                  "deadline", "errno", "errname", "provider", "generation");
	_cleanup_(util_json_decrefp) json_t *found =
	        guard_run(run, &request, PROBE_DEADLINE_MS, &error);
	if (found)
		json_object_update(report, found);
	else
		util_json_set_errno(report, error);
	json_object_set_new(report, "ms", json_real(util_now_fine_ms() - start));
	if (log >= 0)
		json_object_set_new(report, "kernel", kernel_lines(log));
	return channel_send(c, FRAME_REPORT, report);
}

int probe_layer(struct channel *c, const struct visit_layer *layer)
{
	struct secret_key key = {0};
	int r = send_facts(c);

	if (r == 0 && conformance_layer(layer))
		r = send_fact(c, "conformance", conformance_rows, CONFORMANCE_DEADLINE_MS);
	if (r == 0)
		r = send_log(c);
	if (r == 0)
		r = send_blob(c, "ccel-table", "/sys/firmware/acpi/tables/CCEL");
	if (r == 0)
		r = send_blob(c, "ccel-log", "/sys/firmware/acpi/tables/data/CCEL");
	if (r == 0 && layer->secret)
		r = secret_offer(c, layer, &key);
	if (r == 0) /* before the reports, which then carry it */
		r = extend_probe(c, layer);
	if (r == 0)
		r = send_report(c, layer, "ioctl", REPORT_IOCTL, report_ioctl);
	if (r == 0)
		r = send_report(c, layer, "configfs", REPORT_CONFIGFS, report_configfs);
	if (r == 0 && broker_present())
		r = send_report(c, layer, "broker", REPORT_BROKER, report_broker);
	if (r == 0 && vtpm_present())
		r = send_report(c, layer, "vtpm", REPORT_VTPM, report_vtpm);
	if (r == 0 && conformance_layer(layer)) /* last: it extends RTMR2 and RTMR3 */
		r = send_fact(c, "conformance-extend", conformance_extend, CONFORMANCE_DEADLINE_MS);
	if (r == 0 && layer->secret)
		r = secret_ask(c, layer, &key);
	return r;
}
