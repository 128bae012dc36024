/* SPDX-License-Identifier: Apache-2.0 */
#include "tception/answer.h"

#include <errno.h>
#include <stdio.h>

#include "core/json.h"
#include "tception/fields.h"

#define SCHEMA_VERSION 1

static json_t *json_status(enum tcb_status s)
{
	return s == TCB_NOT_EVALUATED ? json_null() : json_string(tcb_status_names[s]);
}

static json_t *json_error(const struct answer *a)
{
	if (a->fault.code != FORMAT_OK)
		return json_pack("{ss, sI, ss*}", "code", format_code_name(a->fault.code), "offset",
		                 (json_int_t)a->fault.offset, "text", a->why[0] ? a->why : NULL);
	return a->text[0]
	               ? json_pack("{ss, sn, ss}", "code", "unreadable", "offset", "text", a->text)
	               : json_null();
}

static json_t *json_policy(const struct policy_result *p)
{
	json_t *checks = json_array();

	for (size_t i = 0; i < p->checks; i++)
		json_array_append_new(checks,
		                      json_pack("{ss, sb, so}", "name", p->check[i].name, "ok",
		                                (int)p->check[i].ok, "reason",
		                                text_or_null(p->check[i].ok ? "" : p->check[i].why)));
	return json_pack("{sb, so}", "accepted", (int)p->accepted, "checks", checks);
}

/* Everything for which the quote is not accepted, each with its code. */
static json_t *json_refusals(const struct answer *a)
{
	json_t *list = json_array();
	char code[60];

	if (a->policy.accepted)
		return list;
	if (a->fault.code != FORMAT_OK)
		json_array_append_new(list,
		                      json_pack("{ss, ss}", "code", format_code_name(a->fault.code),
		                                "reason", a->why[0] ? a->why : "not a quote"));
	if (a->text[0])
		json_array_append_new(
		        list, json_pack("{ss, ss}", "code", "unreadable", "reason", a->text));
	if (a->v.code != VERDICT_OK)
		json_array_append_new(list,
		                      json_pack("{ss, ss}", "code", verdict_code_names[a->v.code],
		                                "reason", a->v.reason));
	for (size_t i = 0; i < a->policy.checks; i++) {
		if (a->policy.check[i].ok)
			continue;
		snprintf(code, sizeof(code), "policy-%s", a->policy.check[i].name);
		json_array_append_new(list, json_pack("{ss, ss}", "code", code, "reason",
		                                      a->policy.check[i].why));
	}
	return list;
}

static json_t *json_advisories(const struct tcb_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->advisories; i++)
		json_array_append_new(list, json_string(r->advisory[i]));
	return list;
}

static json_t *json_missing(const struct tcb_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->gaps; i++) {
		const struct tcb_gap *g = &r->gap[i];
		bool indexed = g->part == TCB_PART_TDX || g->part == TCB_PART_SGX;

		json_array_append_new(
		        list, json_pack("{ss, so, si, si}", "part", tcb_part_names[g->part],
		                        "index", indexed ? json_integer(g->index) : json_null(),
		                        "found", g->found, "needed", g->needed));
	}
	return list;
}

static json_t *json_dates(const struct dates *d, const char *number)
{
	json_t *o = json_pack("{so, so}", "issued", json_date(d->from), "next_update",
	                      json_date(d->to));

	if (number)
		json_object_set_new(o, "number", text_or_null(number));
	return o;
}

static json_t *json_collateral(const struct verdict_collateral *c)
{
	json_t *info, *id;

	if (!c->expires_what)
		return json_null();
	info = json_dates(&c->tcb_info, NULL);
	json_object_set_new(info, "tcb_evaluation_data_number",
	                    json_integer(c->tcb_info_evaluation));
	id = json_dates(&c->qe_identity, NULL);
	json_object_set_new(id, "tcb_evaluation_data_number",
	                    json_integer(c->qe_identity_evaluation));
	return json_pack("{so, so, so, so, so, so, so, ss}", "tcb_info", info, "qe_identity", id,
	                 "root_ca_crl", json_dates(&c->root_crl, c->root_crl_number), "pck_crl",
	                 json_dates(&c->pck_crl, c->pck_crl_number), "tcb_signing",
	                 json_dates(&c->signing, NULL), "pck_chain", json_dates(&c->chain, NULL),
	                 "next_expiry", json_date(c->expires), "next_expiry_of", c->expires_what);
}

/* The two evaluations: of the TCB that the TD was launched on, and of the platform's now. */
static int add_tcb(json_t *o, const struct tcb_result *r, const char *which)
{
	const struct {
		const char *name;
		json_t *value;
	} fields[] = {
	        {"status", json_status(r->status)},
	        {"tcb_date", text_or_null(r->date)},
	        {"advisories", json_advisories(r)},
	        {"missing", json_missing(r)},
	};
	char name[40];
	int failed = 0;

	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		snprintf(name, sizeof(name), "%s_%s", which, fields[i].name);
		failed |= json_object_set_new(o, name, fields[i].value);
	}
	return failed;
}

json_t *answer_json(const struct answer *a)
{
	const struct verdict *v = &a->v;
	bool shown = v->authentic && a->quote;
	json_t *o = json_pack(
	        "{si, ss, so, sb, sb, ss, so, so, so, so, so, so, so, so, so, so, so, so, so, so, "
	        "so, so}",                                                                 //
	        "schema_version", SCHEMA_VERSION, "file", a->name, "error", json_error(a), //
	        "accepted", (int)a->policy.accepted,                                       //
	        "authentic", (int)v->authentic, "origin", origin_names[v->origin],         //
	        "reason_code", v->code ? json_string(verdict_code_names[v->code]) : json_null(),
	        "reason", text_or_null(v->reason), "cure", text_or_null(v->cure),            //
	        "refusals", json_refusals(a), "status", json_status(v->status),        //
	        "platform_status", json_status(v->launch.platform), "module_status",   //
	        json_status(v->launch.module), "qe_status", json_status(v->launch.qe), //
	        "tcb_date", text_or_null(v->launch.date), "tcb_evaluation_data_number",   //
	        v->tcb_evaluation ? json_integer(v->tcb_evaluation) : json_null(),     //
	        "advisories", json_advisories(&v->launch), "fmspc",
	        json_hex(v->authentic ? v->pck.fmspc : NULL, sizeof(v->pck.fmspc)), //
	        "platform", v->authentic ? pck_json(&v->pck) : json_null(),                //
	        "collateral", json_collateral(&v->collateral),                             //
	        "measurements", shown ? quote_td_json(a->quote) : json_null(),             //
	        "policy", json_policy(&a->policy));

	if (!o || add_tcb(o, &v->launch, "launch") < 0 || add_tcb(o, &v->current, "current") < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

json_t *answer_failure_json(const char *code, const char *text)
{
	return json_pack("{si, sn, s{ss, sn, ss}, sb, sb, sn}", "schema_version", SCHEMA_VERSION,
	                 "file", "error", "code", code, "offset", "text", text, "accepted", 0,
	                 "authentic", 0, "status");
}

/* ---- judging ---- */

void answer_unreadable(struct answer *a, const struct err *e)
{
	verdict_init(&a->v);
	snprintf(a->text, sizeof(a->text), "%.*s", (int)sizeof(a->text) - 1, e->text);
}

static void refused(struct answer *a, struct format_fault fault, const char *why)
{
	a->fault = fault;
	snprintf(a->why, sizeof(a->why), "%.*s", (int)sizeof(a->why) - 1, why);
}

int answer_read(struct answer *a, const void *data, size_t size, struct err *e)
{
	struct err why;
	int r = size > ANSWER_INPUT_MAX
	                ? err_set(&why, -EFBIG, "%s: more than %u bytes", a->name, ANSWER_INPUT_MAX)
	                : form_quote(data, size, &a->bytes, &why);

	if (r == -ENOMEM)
		return err_nomem(e);
	if (r == -EFBIG)
		answer_unreadable(a, &why);
	else if (r < 0)
		refused(a, (struct format_fault){FORMAT_BAD_ENCODING, 0}, why.text);
	if (r < 0)
		return 0;
	if (a->bytes.size > QUOTE_MAX) {
		err_set(&why, -EFBIG, "%.200s: more than %u bytes", a->name, QUOTE_MAX);
		answer_unreadable(a, &why);
		return 0;
	}
	a->fault.code = quote_parse(a->bytes.data, a->bytes.size, &a->parsed, &a->fault.offset);
	if (a->fault.code == FORMAT_OK)
		a->quote = &a->parsed;
	else
		refused(a, a->fault, form_hint(a->bytes.data, a->bytes.size) ?: "");
	return 0;
}

int answer_judge(struct answer *a, struct verifier *v, const struct policy *p, const void *data,
                 size_t size, time_t at, struct err *e)
{
	int r;

	verdict_init(&a->v);
	if ((r = answer_read(a, data, size, e)) < 0 || !a->quote)
		return r;
	if ((r = verifier_check(v, a->quote, at, &a->v, e)) < 0)
		return r;
	policy_apply(p, a->quote, &a->v, &a->policy);
	return 0;
}

void answer_done(struct answer *a)
{
	form_done(&a->bytes);
	a->quote = NULL;
}
