/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to evidence of a trust domain that Azure's paravisor keeps from its guest: the vTPM has
 * the paravisor's report, and signs our nonce and the PCRs; the metadata service makes a quote of the report.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/report.h"
#include "agent/util.h"
#include "format/hcl.h"
#include "format/tdreport.h"
#include "format/text.h"
#include "format/tpm.h"
#include "format/tpmcmd.h"

#define HCL_INDEX   0x01400001u
#define AK          0x81000003u
#define LOG         "/sys/kernel/security/tpm0/binary_bios_measurements"
#define LOG_MAX     (192u << 10)
#define METADATA    "169.254.169.254"
#define ANSWER_MAX  (64u << 10)
#define PATIENCE_MS 3000 /* for each step of the metadata service: it is on the same host */

struct tpm {
	int fd;
	uint8_t answer[TPM_RESPONSE_MAX];
	size_t size;
	uint32_t rc;
};

static int tpm_open(void)
{
	int fd = open("/dev/tpmrm0", O_RDWR | O_CLOEXEC);

	return fd < 0 ? open("/dev/tpm0", O_RDWR | O_CLOEXEC) : fd;
}

bool vtpm_present(void)
{
	return access("/dev/tpmrm0", F_OK) == 0 || access("/dev/tpm0", F_OK) == 0;
}

/* Until the response is as long as its header says. */
static int tpm_ask(struct tpm *t, const struct tpm_command *c)
{
	int r = util_write_all(t->fd, c->bytes, c->size);

	t->size = 0;
	while (r == 0) {
		uint32_t wanted = 10;
		ssize_t n;

		if (t->size >= 6) {
			memcpy(&wanted, t->answer + 2, 4);
			wanted = ntohl(wanted);
		}
		if (t->size >= wanted && t->size >= 10)
			return 0;
		n = read(t->fd, t->answer + t->size, sizeof(t->answer) - t->size);
		if (n == 0 || (n < 0 && errno != EINTR))
			r = n == 0 ? -EPROTO : -errno;
		t->size += n > 0 ? (size_t)n : 0;
	}
	return r;
}

/* What a response that could be read, or not, comes to: the TPM's refusal is EACCES. */
static int settle(const struct tpm *t, enum format_code code)
{
	return code != FORMAT_OK ? -EPROTO : t->rc ? -EACCES : 0;
}

/* ---- the parts ---- */

/* -ENOENT: this TPM has no such report. */
static int read_hcl(struct tpm *t, uint8_t **ret, size_t *ret_size)
{
	_cleanup_(util_freep) uint8_t *hcl = NULL;
	struct tpm_nv nv = {0};
	struct tpm_command c;
	size_t got = 0;
	int r;

	tpm_nv_public(HCL_INDEX, &c);
	r = tpm_ask(t, &c) ?: settle(t, tpm_nv_public_parse(t->answer, t->size, &t->rc, &nv));
	if (r < 0)
		return r == -EACCES ? -ENOENT : r;
	hcl = malloc(nv.size + 1u);
	if (!hcl)
		return -ENOMEM;
	while (got < nv.size) {
		const size_t part = nv.size - got < TPM_NV_PART ? nv.size - got : TPM_NV_PART;
		const uint8_t *data = NULL;
		size_t size = 0;

		tpm_nv_read(HCL_INDEX, nv.attributes >> 17 & 1, (uint16_t)got, (uint16_t)part, &c);
		r = tpm_ask(t, &c)
		            ?: settle(t,
		                      tpm_nv_read_parse(t->answer, t->size, &t->rc, &data, &size));
		if (r == 0 && size != part)
			r = -EPROTO;
		if (r < 0)
			return r;
		memcpy(hcl + got, data, size);
		got += size;
	}
	*ret = hcl;
	hcl = NULL;
	*ret_size = got;
	return 0;
}

static int add_quote(struct tpm *t, const uint8_t *nonce, json_t *quote)
{
	const uint8_t *message = NULL, *signature = NULL;
	size_t message_size = 0, signature_size = 0;
	struct tpm_command c;
	int r;

	tpm_quote_ask(AK, nonce, VTPM_NONCE_SIZE, &c);
	r = tpm_ask(t, &c)
	            ?: settle(t, tpm_quote_answer(t->answer, t->size, &t->rc, &message,
	                                          &message_size, &signature, &signature_size));
	if (r < 0)
		return r;
	json_object_set_new(quote, "message", util_json_base64(message, message_size));
	json_object_set_new(quote, "signature", util_json_base64(signature, signature_size));
	return 0;
}

static int add_pcrs(struct tpm *t, json_t *quote)
{
	json_t *list = json_array();
	uint8_t pcr[TPM_PCRS_ASKED][32];
	struct tpm_command c;

	json_object_set_new(quote, "pcrs", list);
	for (unsigned first = 0; first < TPM_PCRS; first += TPM_PCRS_ASKED) {
		tpm_pcr_read(first, &c);
		int r = tpm_ask(t, &c) ?: settle(t, tpm_pcr_parse(t->answer, t->size, &t->rc, pcr));
		if (r < 0)
			return r;
		for (size_t i = 0; i < TPM_PCRS_ASKED; i++)
			json_array_append_new(list, util_json_base64(pcr[i], 32));
	}
	return 0;
}

static void add_log(json_t *evidence)
{
	_cleanup_(util_freep) char *log = NULL;
	size_t size = 0;

	if (util_read_file(LOG, LOG_MAX, &log, &size) == 0)
		json_object_set_new(evidence, "event_log", util_json_base64(log, size));
}

/* ---- the metadata service ---- */

static int wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n = poll(&p, 1, PATIENCE_MS);

	return n < 0 ? -errno : n == 0 ? -ETIMEDOUT : 0;
}

static int reach(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
	_cleanup_(util_closep) int fd =
	        socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0, ret, r;
	socklen_t size = sizeof(error);

	inet_pton(AF_INET, METADATA, &to.sin_addr);
	if (fd < 0 || (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS))
		return -errno;
	r = wait_for(fd, POLLOUT);
	if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		r = -errno;
	if (r < 0 || error)
		return r ?: -error;
	fcntl(fd, F_SETFL, 0);
	ret = fd;
	fd = -1;
	return ret;
}

static int exchange(int fd, const char *body, char *answer, size_t max)
{
	_cleanup_(util_freep) char *request = NULL;
	size_t got = 0;
	int r, n = asprintf(&request,
	                    "POST /acc/tdquote HTTP/1.0\r\nHost: " METADATA
	                    "\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	                    strlen(body), body);

	if (n < 0)
		return -ENOMEM;
	r = util_write_all(fd, request, (size_t)n);
	while (r == 0 && got < max) {
		r = wait_for(fd, POLLIN);
		ssize_t k = r < 0 ? 0 : read(fd, answer + got, max - got);
		if (k <= 0) {
			r = r < 0 ? r : k < 0 ? -errno : 0;
			break;
		}
		got += (size_t)k;
	}
	answer[got] = '\0';
	return r;
}

/* As the service reads it: RFC 4648, section 5, without padding. */
static void to_base64url(char *text)
{
	for (; *text && *text != '='; text++) {
		if (*text == '+' || *text == '/')
			*text = *text == '+' ? '-' : '_';
	}
	*text = '\0';
}

/* The quote's text, in base64 as the service wrote it. */
static int ask_quote(const uint8_t *hcl, size_t size, json_t **ret)
{
	char *answer = calloc(1, ANSWER_MAX + 1), *body = NULL;
	char report[BASE64_ENCODED_SIZE(TDREPORT_SIZE)], text[sizeof(report) + 16];
	_cleanup_(util_json_decrefp) json_t *said = NULL;
	struct hcl_report h;
	int fd, r = -EPROTO;

	if (!answer || hcl_parse(hcl, size, &h, NULL) != FORMAT_OK) {
		free(answer);
		return -EPROTO;
	}
	base64_encode(h.report, TDREPORT_SIZE, report);
	to_base64url(report);
	snprintf(text, sizeof(text), "{\"report\":\"%s\"}", report);
	fd = reach();
	if (fd >= 0) {
		r = exchange(fd, text, answer, ANSWER_MAX);
		body = strstr(answer, "\r\n\r\n");
	}
	if (fd < 0)
		r = fd;
	else
		close(fd);
	if (r == 0 && body)
		said = json_loads(body + 4, JSON_REJECT_DUPLICATES, NULL);
	*ret = json_incref(json_object_get(said, "quote"));
	free(answer);
	return r ?: json_is_string(*ret) ? 0 : -EPROTO;
}

/* ---- the whole ---- */

/* Where it ended, with the TPM's code when it refused. */
static json_t *ended(const struct tpm *t, const char *step, int error)
{
	char text[40];

	snprintf(text, sizeof(text), error == -EACCES ? "%s: rc 0x%x" : "%s", step, t->rc);
	return report_outcome(text, error, NULL, 0);
}

static json_t *collect(struct tpm *t, const struct report_request *request)
{
	_cleanup_(util_json_decrefp) json_t *evidence = json_object(), *td_quote = NULL;
	_cleanup_(util_freep) uint8_t *hcl = NULL;
	_cleanup_(util_freep) char *text = NULL;
	json_t *quote = json_object();
	size_t size = 0;
	int r = read_hcl(t, &hcl, &size);

	json_object_set_new(evidence, "tpm_quote", quote);
	if (r < 0)
		return ended(t, "hcl report", r);
	json_object_set_new(evidence, "hcl_report", util_json_base64(hcl, size));
	if ((r = add_quote(t, request->report_data, quote)) < 0)
		return ended(t, "tpm quote", r);
	if ((r = add_pcrs(t, quote)) < 0)
		return ended(t, "pcrs", r);
	add_log(evidence);
	r = ask_quote(hcl, size, &td_quote);
	if (r == 0)
		json_object_set(evidence, "td_quote", td_quote);
	text = json_dumps(evidence, JSON_COMPACT);
	if (!text)
		return report_outcome("done", ENOMEM, NULL, 0);
	/* without a quote there is still what the TPM says */
	return report_outcome(r == 0 ? "done" : "td quote", 0, text, strlen(text));
}

json_t *report_vtpm(void *arg)
{
	struct tpm *t = calloc(1, sizeof(*t));
	json_t *report;

	if (!t)
		return report_outcome("open", ENOMEM, NULL, 0);
	t->fd = tpm_open();
	report = t->fd < 0 ? report_outcome("open", errno, NULL, 0) : collect(t, arg);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
	return report;
}
