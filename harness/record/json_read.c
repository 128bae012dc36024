/* SPDX-License-Identifier: Apache-2.0 */
/* run.json read back: what fails says where. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/argv.h"
#include "core/enum.h"
#include "format/text.h"
#include "record/store.h"

#define ITEMS_MAX 100000 /* of any list */
#define ARGS_MAX  4096

static int bad(struct err *e, const char *where, const char *what)
{
	return err_set(e, -EINVAL, "%s: %s", where, what);
}

/* json_unpack_ex with JSON_STRICT: every member there, none unknown. */
#define UNPACK(e, where, json, ...)                                       \
	({                                                                \
		json_error_t err_;                                        \
		json_unpack_ex(json, &err_, JSON_STRICT, __VA_ARGS__) < 0 \
		        ? bad(e, where, err_.text)                        \
		        : 0;                                              \
	})

static int copy(const char *text, char *out, size_t size, const char *where, struct err *e)
{
	if (strlen(text) >= size)
		return bad(e, where, "too long");
	strcpy(out, text);
	return 0;
}

static int in_range(json_int_t value, json_int_t min, json_int_t max, const char *where,
                    struct err *e)
{
	return value < min || value > max ? bad(e, where, "out of range") : 0;
}

static int good_seconds(double s, const char *where, struct err *e)
{
	return isfinite(s) && s >= 0 && s < 1e9 ? 0 : bad(e, where, "no number of seconds");
}

/* The elements of a list, zeroed memory for each in *ret (at least one, so never NULL). */
static int list(const json_t *j, size_t size, size_t max, void **ret, size_t *ret_count,
                const char *where, struct err *e)
{
	size_t count = json_array_size(j);

	if (!json_is_array(j) || count > max)
		return bad(e, where, "no list, or too long");
	*ret = calloc(count ? count : 1, size);
	if (!*ret)
		return err_nomem(e);
	*ret_count = count;
	return 0;
}

static int load_host(json_t *j, struct host_facts *h, struct err *e)
{
	const char *qemu, *version, *kvm, *tdx, *kernel, *cpu;
	json_int_t cpus, memory, tsc = 0; /* runs of before 2026-12 do not say */
	int kvm_usable, tdx_usable, r;

	r = UNPACK(e, "host", j, "{s:s, s:s, s:b, s:s, s:b, s:s, s:s, s:s, s:I, s:I, s?:I}", "qemu",
	           &qemu, "qemu_version", &version, "kvm_usable", &kvm_usable, "kvm_reason", &kvm,
	           "tdx_usable", &tdx_usable, "tdx_reason", &tdx, "kernel", &kernel, "cpu", &cpu,
	           "cpus", &cpus, "memory_mib", &memory, "tsc_khz", &tsc);
	if (r < 0 || (r = in_range(cpus, 1, 1 << 20, "host.cpus", e)) < 0 ||
	    (r = in_range(memory, 0, 1ll << 40, "host.memory_mib", e)) < 0 ||
	    (r = in_range(tsc, 0, UINT32_MAX, "host.tsc_khz", e)) < 0 ||
	    (r = copy(qemu, h->qemu, sizeof(h->qemu), "host.qemu", e)) < 0 ||
	    (r = copy(version, h->qemu_version, sizeof(h->qemu_version), "host.qemu_version", e)) <
	            0 ||
	    (r = copy(kvm, h->kvm_reason, sizeof(h->kvm_reason), "host.kvm_reason", e)) < 0 ||
	    (r = copy(tdx, h->tdx_reason, sizeof(h->tdx_reason), "host.tdx_reason", e)) < 0 ||
	    (r = copy(kernel, h->kernel, sizeof(h->kernel), "host.kernel", e)) < 0 ||
	    (r = copy(cpu, h->cpu, sizeof(h->cpu), "host.cpu", e)) < 0)
		return r;
	h->kvm_usable = kvm_usable;
	h->tdx_usable = tdx_usable;
	h->cpus = (unsigned)cpus;
	h->memory_mib = (uint64_t)memory;
	h->tsc_khz = (uint32_t)tsc;
	return 0;
}

/* 32 bytes: a nonce, a SHA-256, a proof. NULL is no text. */
static int load_hex(const char *hex, uint8_t ret[32], const char *where, struct err *e)
{
	size_t got;

	return hex && strlen(hex) == 64 && hex_decode(hex, 64, ret, &got) == FORMAT_OK
	               ? 0 : bad(e, where, "not 64 hexadecimal digits");
}

static int load_nonces(json_t *j, struct visit_record *v, struct err *e)
{
	json_t *item;
	size_t i;
	int r = 0;

	if (!json_is_array(j) || json_array_size(j) < 1 || json_array_size(j) > CELL_LAYERS_MAX)
		return bad(e, "visit.nonces", "no list of 1 to 6");
	for (i = 0; r == 0 && (item = json_array_get(j, i)); i++)
		r = load_hex(json_string_value(item), v->nonce[i], "visit.nonces", e);
	v->layers = json_array_size(j);
	return r;
}

static int load_digest(json_t *j, struct evidence_digest *d, const char *where, struct err *e)
{
	json_int_t size;
	const char *hex;
	int r;

	if (!j) /* of a folder from before there were any */
		return 0;
	r = UNPACK(e, where, j, "{s:I, s:s}", "size", &size, "sha256", &hex);
	if (r < 0 || (r = in_range(size, 0, 1ll << 50, where, e)) < 0)
		return r;
	d->size = (uint64_t)size;
	d->known = true;
	return load_hex(hex, d->sha256, where, e);
}

static int load_secret(json_t *j, struct secret_record *s, struct err *e)
{
	int answered, released, r;
	const char *reason, *hex;

	if (!j)
		return 0;
	r = UNPACK(e, "visit.secret", j, "{s:b, s:b, s:s, s:s}", "answered", &answered, "released",
	           &released, "reason", &reason, "proof", &hex);
	if (r < 0 || (r = copy(reason, s->reason, sizeof(s->reason), "visit.secret.reason", e)) < 0)
		return r;
	s->wanted = true;
	s->answered = answered;
	s->released = released;
	return load_hex(hex, s->proof, "visit.secret.proof", e);
}

static int load_visit(json_t *j, struct visit_record *v, struct err *e)
{
	const char *cell, *state, *reason;
	json_int_t begin, end;
	struct cell parsed;
	json_t *nonces, *evidence = NULL, *secret = NULL;
	int probe0, number, r;

	r = UNPACK(e, "visit", j, "{s:s, s:o, s:b, s:I, s:I, s:F, s:s, s:s, s?o, s?o}", "cell", &cell,
	           "nonces", &nonces, "probe0", &probe0, "begin", &begin, "end", &end, "seconds",
	           &v->seconds, "state", &state, "reason", &reason, "evidence", &evidence,
	           "secret", &secret);
	if (r < 0 || (r = good_seconds(v->seconds, "visit.seconds", e)) < 0 ||
	    (r = in_range(end, 0, 1ll << 50, "visit.end", e)) < 0 ||
	    (r = in_range(begin, 0, end, "visit.begin", e)) < 0 ||
	    (r = copy(cell, v->cell_id, sizeof(v->cell_id), "visit.cell", e)) < 0 ||
	    (r = copy(reason, v->reason, sizeof(v->reason), "visit.reason", e)) < 0 ||
	    (r = cell_parse(cell, &parsed, e)) < 0 || (r = load_nonces(nonces, v, e)) < 0 ||
	    (r = load_digest(evidence, &v->evidence, "visit.evidence", e)) < 0 ||
	    (r = load_secret(secret, &v->secret, e)) < 0)
		return r;
	if (v->layers != parsed.layers)
		return bad(e, "visit.nonces", "not one for each layer of the cell");
	number = ENUM_FIND(visit_state_names, state);
	if (number < 0)
		return bad(e, "visit.state", "unknown");
	v->state = (enum visit_state)number;
	v->probe0 = probe0;
	v->begin = (uint64_t)begin;
	v->end = (uint64_t)end;
	return 0;
}

static int load_words(json_t *j, char ***ret, const char *where, struct err *e)
{
	struct argv a = {0};
	json_t *item;
	size_t i;

	if (!json_is_array(j) || json_array_size(j) > ARGS_MAX)
		return bad(e, where, "no list, or too long");
	json_array_foreach(j, i, item)
	{
		if (json_is_string(item))
			argv_add(&a, json_string_value(item));
		else
			a.failed = true;
	}
	*ret = a.item;
	return a.failed ? bad(e, where, "no list of strings") : 0;
}

static int load_steps(json_t *j, struct boot *b, struct err *e)
{
	json_int_t index, deadline;
	json_t *item;
	size_t i;
	int r;

	r = list(j, sizeof(*b->step), ITEMS_MAX, (void **)&b->step, &b->steps, "boot.steps", e);
	if (r < 0)
		return r;
	json_array_foreach(j, i, item)
	{
		r = UNPACK(e, "boot.steps", item, "{s:I, s:I}", "case", &index, "deadline_s",
		           &deadline);
		if (r < 0 || (r = in_range(index, 0, ITEMS_MAX, "boot.steps.case", e)) < 0 ||
		    (r = in_range(deadline, 0, 1 << 20, "boot.steps.deadline_s", e)) < 0)
			return r;
		b->step[i].case_index = (size_t)index;
		b->step[i].deadline_s = (int)deadline;
	}
	return 0;
}

/* It names a folder below boots/. */
static int good_boot_id(const char *id, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";

	if (!*id || *id == '.' || *id == '-' || id[strspn(id, allowed)])
		return bad(e, "boot.id", "no plain file name");
	return 0;
}

static int load_boot_files(const char *kernel, const char *image, struct boot *b, struct err *e)
{
	int number = ENUM_FIND(guest_kernel_names, kernel);

	if (number < 0)
		return bad(e, "boot.kernel", "unknown");
	b->kernel = (enum guest_kernel)number;
	number = ENUM_FIND(guest_image_names, image);
	if (number < 0)
		return bad(e, "boot.image", "unknown");
	b->image = (enum guest_image)number;
	return 0;
}

static int load_boot_plan(const char *id, const char *layer0, const char *platform, struct boot *b,
                          struct err *e)
{
	int r, number = ENUM_FIND(platform_names, platform);
	struct cell cell;

	if (number < 0)
		return bad(e, "boot.platform", "unknown");
	b->platform = (enum platform)number;
	r = cell_parse(layer0, &cell, e);
	if (r < 0)
		return err_prefix(e, "boot.layer0");
	if (cell.layers != 1)
		return bad(e, "boot.layer0", "more than one layer");
	b->layer0 = cell.layer[0];
	r = good_boot_id(id, e);
	if (r == 0)
		r = copy(id, b->id, sizeof(b->id), "boot.id", e);
	if (r == 0)
		r = copy(layer0, b->layer0_id, sizeof(b->layer0_id), "boot.layer0", e);
	return r;
}

static int load_visits(json_t *j, struct boot_record *r, struct err *e)
{
	json_t *item;
	size_t i;
	int code = list(j, sizeof(*r->visit), ITEMS_MAX, (void **)&r->visit, &r->visits,
	                "boot.visits", e);

	if (code < 0)
		return code;
	json_array_foreach(j, i, item)
	{
		code = load_visit(item, &r->visit[i], e);
		if (code < 0)
			return code;
	}
	return 0;
}

static int load_clock(json_t *j, struct boot_record *b, struct err *e)
{
	json_int_t asked, answered, at;
	json_t *item;
	size_t i;
	int r;

	if (!j) /* of a folder from before there were any */
		return 0;
	r = list(j, sizeof(*b->clock), CLOCKS_MAX, (void **)&b->clock, &b->clocks, "boot.clock", e);
	if (r < 0)
		return r;
	json_array_foreach(j, i, item)
	{
		r = UNPACK(e, "boot.clock", item, "{s:I, s:I, s:I}", "asked_us", &asked,
		           "answered_us", &answered, "at", &at);
		if (r < 0 ||
		    (r = in_range(answered, 0, 1ll << 60, "boot.clock.answered_us", e)) < 0 ||
		    (r = in_range(asked, 0, answered, "boot.clock.asked_us", e)) < 0 ||
		    (r = in_range(at, 0, 1ll << 50, "boot.clock.at", e)) < 0)
			return r;
		b->clock[i] =
		        (struct clock_reading){(uint64_t)asked, (uint64_t)answered, (uint64_t)at};
	}
	return 0;
}

static int load_boot(json_t *j, struct boot_record *b, struct err *e)
{
	const char *id, *layer0, *platform, *kernel, *image, *reason, *tail, *said = "";
	json_int_t memory, vcpus, deadline, attempt;
	json_t *steps, *argv, *ready, *visits, *clock = NULL, *tail_digest = NULL;
	int kvm, r;

	r = UNPACK(e, "boot", j,
	           "{s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:o, s:I, s:o, s:o, s:F, s:s, "
	           "s:s, s?s, s:o, s?o, s?o}",
	           "id", &id, "layer0", &layer0, "platform", &platform, "kernel", &kernel, "image",
	           &image, "kvm", &kvm, "memory_mib", &memory, "vcpus", &vcpus, "boot_deadline_s",
	           &deadline, "steps", &steps, "attempt", &attempt, "argv", &argv, "ready_seconds",
	           &ready, "seconds", &b->seconds, "reason", &reason, "console_tail", &tail,
	           "qemu_said", &said, "visits", &visits, "clock", &clock, "tail", &tail_digest);
	if (r < 0 || (r = in_range(memory, 1, 1 << 24, "boot.memory_mib", e)) < 0 ||
	    (r = in_range(vcpus, 1, 4096, "boot.vcpus", e)) < 0 ||
	    (r = in_range(deadline, 0, 1 << 20, "boot.boot_deadline_s", e)) < 0 ||
	    (r = in_range(attempt, 1, ITEMS_MAX, "boot.attempt", e)) < 0 ||
	    (r = good_seconds(b->seconds, "boot.seconds", e)) < 0 ||
	    (r = copy(reason, b->reason, sizeof(b->reason), "boot.reason", e)) < 0)
		return r;
	b->boot.kvm = kvm;
	b->boot.memory_mib = (unsigned)memory;
	b->boot.vcpus = (unsigned)vcpus;
	b->boot.boot_deadline_s = (int)deadline;
	b->attempt = (int)attempt;
	b->ready_seconds = json_is_null(ready) ? -1 : json_number_value(ready);
	if (!json_is_null(ready) && (!json_is_number(ready) || b->ready_seconds < 0))
		return bad(e, "boot.ready_seconds", "neither null nor seconds");
	b->console_tail = strdup(tail);
	b->qemu_said = strdup(said);
	if (!b->console_tail || !b->qemu_said)
		return err_nomem(e);
	if ((r = load_boot_plan(id, layer0, platform, &b->boot, e)) < 0 ||
	    (r = load_boot_files(kernel, image, &b->boot, e)) < 0 ||
	    (r = load_steps(steps, &b->boot, e)) < 0 ||
	    (r = load_words(argv, &b->argv, "boot.argv", e)) < 0 ||
	    (r = load_clock(clock, b, e)) < 0 ||
	    (r = load_digest(tail_digest, &b->tail, "boot.tail", e)) < 0)
		return r;
	return load_visits(visits, b, e);
}

static int load_boots(json_t *j, struct run_record *r, struct err *e)
{
	json_t *item;
	size_t i;
	int code = list(j, sizeof(*r->boot), ITEMS_MAX, (void **)&r->boot, &r->boots, "boots", e);

	if (code < 0)
		return code;
	json_array_foreach(j, i, item)
	{
		code = load_boot(item, &r->boot[i], e);
		for (size_t k = 0; k < i && code == 0; k++) {
			if (strcmp(r->boot[k].boot.id, r->boot[i].boot.id) == 0)
				code = bad(e, "boot.id", "twice");
		}
		if (code < 0)
			return code;
	}
	return 0;
}

static int load_skips(json_t *j, struct run_record *r, struct err *e)
{
	json_int_t index;
	const char *reason;
	json_t *item;
	size_t i;
	int code = list(j, sizeof(*r->skip), ITEMS_MAX, (void **)&r->skip, &r->skips, "skips", e);

	if (code < 0)
		return code;
	json_array_foreach(j, i, item)
	{
		struct skip *s = &r->skip[i];
		int asked = 0;

		code = UNPACK(e, "skips", item, "{s:I, s?b, s:s}", "case", &index, "asked", &asked,
		              "reason", &reason);
		if (code < 0 || (code = in_range(index, 0, ITEMS_MAX, "skips.case", e)) < 0 ||
		    (code = copy(reason, s->reason, sizeof(s->reason), "skips.reason", e)) < 0)
			return code;
		s->case_index = (size_t)index;
		s->asked = asked;
	}
	return 0;
}

static int load_command(json_t *j, struct run_record *r, struct err *e)
{
	const char *directory;
	json_t *words;
	int code;

	if (!j) /* of a folder from before it was kept */
		return 0;
	code = UNPACK(e, "command", j, "{s:s, s:o}", "directory", &directory, "words", &words);
	if (code < 0)
		return code;
	r->directory = strdup(directory);
	if (!r->directory)
		return err_nomem(e);
	return load_words(words, &r->command, "command.words", e);
}

static int load_shard(json_t *j, struct shard *s, struct err *e)
{
	json_int_t number, of, one;
	json_t *cells;
	int r;

	if (!j)
		return 0;
	r = UNPACK(e, "shard", j, "{s:I, s:I, s:o}", "number", &number, "of", &of, "cells", &cells);
	if (r < 0 || (r = in_range(of, 1, SHARDS_MAX, "shard.of", e)) < 0 ||
	    (r = in_range(number, 1, of, "shard.number", e)) < 0)
		return r;
	s->of_case = calloc(json_array_size(cells) + 1, sizeof(*s->of_case));
	if (!s->of_case)
		return err_nomem(e);
	s->number = (unsigned)number;
	s->of = (unsigned)of;
	for (; s->cases < json_array_size(cells); s->cases++) {
		one = json_integer_value(json_array_get(cells, s->cases));
		r = in_range(one, 0, of, "shard.cells", e);
		if (r < 0)
			return r;
		s->of_case[s->cases] = (unsigned)one;
	}
	return 0;
}

static int load_run(json_t *j, struct run_record *r, struct err *e)
{
	json_t *host, *boots, *skips, *command = NULL, *shard = NULL;
	json_int_t version = json_integer_value(json_object_get(j, "schema_version")), started;
	const char *id, *confirmed = "";
	int code, ended = 1;

	if (version != RECORD_SCHEMA)
		return bad(e, "schema_version", "not 1: made by another version of tception");
	code = UNPACK(e, "run", j, "{s:I, s:s, s:I, s:F, s?b, s:o, s:o, s:o, s?o, s?s, s?o}",
	              "schema_version", &version, "id", &id, "started", &started, "seconds",
	              &r->seconds, "ended", &ended, "host", &host, "boots", &boots, "skips", &skips,
	              "command", &command, "confirmed", &confirmed, "shard", &shard);
	if (code < 0 || (code = good_seconds(r->seconds, "seconds", e)) < 0 ||
	    (code = in_range(started, 0, 1ll << 40, "started", e)) < 0 ||
	    (code = copy(confirmed, r->confirmed, sizeof(r->confirmed), "confirmed", e)) < 0)
		return code;
	if (!*id ||
	    id[strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")])
		return bad(e, "id", "no plain word");
	r->started = started;
	r->ended = ended;
	r->id = strdup(id);
	if (!r->id)
		return err_nomem(e);
	if ((code = load_host(host, &r->host, e)) < 0 || (code = load_boots(boots, r, e)) < 0 ||
	    (code = load_command(command, r, e)) < 0 ||
	    (code = load_shard(shard, &r->shard, e)) < 0)
		return code;
	return load_skips(skips, r, e);
}

int record_from_json(const char *text, size_t size, struct run_record *ret, struct err *e)
{
	struct run_record r = {0};
	json_error_t error;
	json_auto_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	int code;

	if (!root)
		return err_set(e, -EINVAL, "line %d: %s", error.line, error.text);
	code = load_run(root, &r, e);
	if (code < 0) {
		run_record_done(&r);
		return code;
	}
	*ret = r;
	return 0;
}
