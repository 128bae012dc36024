/* SPDX-License-Identifier: Apache-2.0 */
/* in-toto Statement v1: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "record/bundle.h"

#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"

void bundle_done(struct bundle *b)
{
	free(b->member);
	*b = (struct bundle){0};
}

/* What made the run's trust domains. */
static const char *platform_of(const struct run_record *run)
{
	enum platform most = PLATFORM_NONE;

	for (size_t i = 0; i < run->boots; i++) {
		if (run->boot[i].boot.platform > most)
			most = run->boot[i].boot.platform;
	}
	return platform_names[most];
}

static json_t *subject(const struct bundle_member *m)
{
	return json_pack("{s:s, s:{s:o}, s:{s:I}}", "name", m->name, "digest", "sha256",
	                 json_hex(m->sha256, SHA256_SIZE), "annotations", "size",
	                 (json_int_t)m->size);
}

int bundle_statement(const struct run_record *run, const struct bundle *b, char **ret,
                     struct err *e)
{
	json_auto_t *subjects = json_array(), *all = NULL;
	bool failed = !subjects;

	for (size_t i = 0; i < b->members && !failed; i++)
		failed = json_array_append_new(subjects, subject(&b->member[i])) < 0;
	if (!failed)
		all = json_pack("{s:s, s:O, s:s, s:{s:s, s:I, s:s, s:b}}", "_type", STATEMENT_TYPE,
		                "subject", subjects, "predicateType", BUNDLE_PREDICATE, "predicate",
		                "run", run->id, "started", (json_int_t)run->started, "platform",
		                platform_of(run), "ended", run->ended);
	*ret = all ? json_dumps(all, JSON_INDENT(1)) : NULL;
	return *ret ? 0 : err_nomem(e);
}

static void read_subject(struct jsonx *x, const json_t *o, struct bundle_member *m)
{
	jsonx_text(x, o, "name", m->name, sizeof(m->name));
	jsonx_hex(x, jsonx_object(x, o, "digest"), "sha256", m->sha256, SHA256_SIZE);
	m->size = jsonx_uint(x, jsonx_object(x, o, "annotations"), "size", BUNDLE_BYTES_MAX);
	if (!x->failed && !bundle_name_is_good(m->name))
		jsonx_fail(x, "subject", "a run's folder has no such file");
}

/* Names are in order, so none is there twice. */
static void check_order(struct jsonx *x, const struct bundle *b)
{
	uint64_t total = 0;

	for (size_t i = 0; i < b->members && !x->failed; i++) {
		total += b->member[i].size;
		if (i > 0 && strcmp(b->member[i - 1].name, b->member[i].name) >= 0)
			jsonx_fail(x, "subject", "not in the order of names");
		if (total > BUNDLE_BYTES_MAX)
			jsonx_fail(x, "subject", "more than 16 GiB in all");
	}
}

int bundle_statement_read(const char *text, size_t size, struct bundle *ret, struct err *e)
{
	json_auto_t *all = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *subjects;
	struct bundle b = {0};
	struct jsonx x = {0};

	if (!all)
		return err_set(e, -EBADMSG, BUNDLE_STATEMENT ": no JSON");
	if (strcmp(jsonx_string(&x, all, "_type") ?: "", STATEMENT_TYPE) != 0 ||
	    strcmp(jsonx_string(&x, all, "predicateType") ?: "", BUNDLE_PREDICATE) != 0)
		return err_set(e, -EBADMSG,
		               BUNDLE_STATEMENT
		               ": no in-toto statement about a run (" BUNDLE_PREDICATE ")");
	subjects = jsonx_array(&x, all, "subject", BUNDLE_MEMBERS_MAX);
	b.member = calloc(json_array_size(subjects) + 1, sizeof(*b.member));
	if (!b.member)
		return err_nomem(e);
	for (; b.members < json_array_size(subjects) && !x.failed; b.members++)
		read_subject(&x, json_array_get(subjects, b.members), &b.member[b.members]);
	check_order(&x, &b);
	if (x.failed) {
		bundle_done(&b);
		return err_set(e, -EBADMSG, BUNDLE_STATEMENT ": %s", x.what);
	}
	*ret = b;
	return 0;
}
