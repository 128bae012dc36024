/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/enum.h"
#include "format/text.h"
#include "record/store.h"

/* Paths of this machine may be anything; what is no UTF-8 becomes '?'. */
static json_t *text_json(const char *text)
{
	json_t *j = json_string(text);
	char *copy;

	if (j || !(copy = strdup(text)))
		return j;
	for (char *p = copy; *p; p++) {
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	}
	j = json_string(copy);
	free(copy);
	return j;
}

static json_t *host_json(const struct host_facts *h)
{
	return json_pack("{s:o, s:s, s:b, s:o, s:b, s:o, s:s, s:o, s:i, s:I, s:I}", "qemu",
	                 text_json(h->qemu), "qemu_version", h->qemu_version, "kvm_usable",
	                 h->kvm_usable, "kvm_reason", text_json(h->kvm_reason), "tdx_usable",
	                 h->tdx_usable, "tdx_reason", text_json(h->tdx_reason), "kernel", h->kernel,
	                 "cpu", text_json(h->cpu), "cpus", (int)h->cpus, "memory_mib",
	                 (json_int_t)h->memory_mib, "tsc_khz", (json_int_t)h->tsc_khz);
}

static void set_digest(json_t *to, const char *name, const struct evidence_digest *d)
{
	char hex[HEX_ENCODED_SIZE(SHA256_SIZE)];

	if (!d->known)
		return;
	hex_encode(d->sha256, SHA256_SIZE, hex);
	json_object_set_new(to, name,
	                    json_pack("{s:I, s:s}", "size", (json_int_t)d->size, "sha256", hex));
}

static json_t *words_json(char *const *words)
{
	json_t *list = json_array();

	for (char *const *word = words; word && *word; word++)
		json_array_append_new(list, text_json(*word));
	return list;
}

static json_t *secret_json(const struct secret_record *s)
{
	char hex[HEX_ENCODED_SIZE(SECRET_PROOF_SIZE)];

	hex_encode(s->proof, SECRET_PROOF_SIZE, hex);
	return json_pack("{s:b, s:b, s:o, s:s}", "answered", s->answered, "released", s->released,
	                 "reason", text_json(s->reason), "proof", hex);
}

static json_t *visit_json(const struct visit_record *v)
{
	json_t *nonces = json_array(), *visit;
	char hex[HEX_ENCODED_SIZE(NONCE_SIZE)];

	for (size_t i = 0; i < v->layers; i++) {
		hex_encode(v->nonce[i], NONCE_SIZE, hex);
		json_array_append_new(nonces, json_string(hex));
	}
	visit = json_pack("{s:s, s:o, s:b, s:I, s:I, s:f, s:s, s:o}", "cell", v->cell_id, "nonces",
	                  nonces, "probe0", v->probe0, "begin", (json_int_t)v->begin, "end",
	                  (json_int_t)v->end, "seconds", v->seconds, "state",
	                  ENUM_NAME(visit_state_names, v->state), "reason", text_json(v->reason));
	set_digest(visit, "evidence", &v->evidence);
	if (v->secret.wanted)
		json_object_set_new(visit, "secret", secret_json(&v->secret));
	return visit;
}

static json_t *steps_json(const struct boot *b)
{
	json_t *steps = json_array();

	for (size_t i = 0; i < b->steps; i++)
		json_array_append_new(steps, json_pack("{s:I, s:i}", "case",
		                                       (json_int_t)b->step[i].case_index,
		                                       "deadline_s", b->step[i].deadline_s));
	return steps;
}

static json_t *clock_json(const struct boot_record *r)
{
	json_t *clock = json_array();

	for (size_t i = 0; i < r->clocks; i++)
		json_array_append_new(clock,
		                      json_pack("{s:I, s:I, s:I}", "asked_us",
		                                (json_int_t)r->clock[i].asked_us, "answered_us",
		                                (json_int_t)r->clock[i].answered_us, "at",
		                                (json_int_t)r->clock[i].at));
	return clock;
}

static json_t *boot_json(const struct boot_record *r)
{
	const struct boot *b = &r->boot;
	json_t *visits = json_array(), *boot;

	for (size_t i = 0; i < r->visits; i++)
		json_array_append_new(visits, visit_json(&r->visit[i]));
	boot = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:i, s:i, s:i, s:o, s:i}", "id", b->id,
	                 "layer0", b->layer0_id, "platform", ENUM_NAME(platform_names, b->platform),
	                 "kernel", guest_kernel_names[b->kernel], "image",
	                 guest_image_names[b->image], "kvm", b->kvm, "memory_mib",
	                 (int)b->memory_mib, "vcpus", (int)b->vcpus, "boot_deadline_s",
	                 b->boot_deadline_s, "steps", steps_json(b), "attempt", r->attempt);
	json_object_set_new(boot, "argv", words_json(r->argv));
	json_object_set_new(boot, "ready_seconds",
	                    r->ready_seconds < 0 ? json_null() : json_real(r->ready_seconds));
	json_object_set_new(boot, "seconds", json_real(r->seconds));
	json_object_set_new(boot, "reason", text_json(r->reason));
	json_object_set_new(boot, "console_tail",
	                    text_json(r->console_tail ? r->console_tail : ""));
	json_object_set_new(boot, "qemu_said", text_json(r->qemu_said ? r->qemu_said : ""));
	json_object_set_new(boot, "visits", visits);
	json_object_set_new(boot, "clock", clock_json(r));
	set_digest(boot, "tail", &r->tail);
	return boot;
}

static json_t *shard_json(const struct shard *s)
{
	json_t *cells = json_array();

	for (size_t i = 0; i < s->cases; i++)
		json_array_append_new(cells, json_integer(s->of_case[i]));
	return json_pack("{s:i, s:i, s:o}", "number", (int)s->number, "of", (int)s->of, "cells",
	                 cells);
}

int record_to_json(const struct run_record *r, char **ret, struct err *e)
{
	json_t *boots = json_array(), *skips = json_array();
	json_auto_t *root = NULL;
	char *text;

	for (size_t i = 0; i < r->boots; i++)
		json_array_append_new(boots, boot_json(&r->boot[i]));
	for (size_t i = 0; i < r->skips; i++)
		json_array_append_new(skips, json_pack("{s:I, s:b, s:o}", "case",
		                                       (json_int_t)r->skip[i].case_index, "asked",
		                                       r->skip[i].asked, "reason",
		                                       text_json(r->skip[i].reason)));
	root = json_pack("{s:i, s:s, s:I, s:f, s:b, s:o, s:o, s:o}", "schema_version",
	                 RECORD_SCHEMA, "id", r->id, "started", (json_int_t)r->started, "seconds",
	                 r->seconds, "ended", r->ended, "host", host_json(&r->host), "boots", boots,
	                 "skips", skips);
	if (r->command && r->directory)
		json_object_set_new(root, "command",
		                    json_pack("{s:o, s:o}", "directory", text_json(r->directory),
		                              "words", words_json(r->command)));
	if (r->shard.of)
		json_object_set_new(root, "shard", shard_json(&r->shard));
	if (r->confirmed[0])
		json_object_set_new(root, "confirmed", json_string(r->confirmed));
	/* A part that failed is missing, which json_pack notices, or would fail to load. */
	text = root && json_array_size(boots) == r->boots && json_array_size(skips) == r->skips
	               ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9))
	               : NULL;
	if (!text)
		return err_set(e, -ENOMEM, "run.json: out of memory");
	*ret = text;
	return 0;
}
