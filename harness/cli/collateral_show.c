/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "cli/cmd.h"
#include "cli/collateral.h"
#include "cli/input.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/time.h"
#include "format/text.h"
#include "trust/contents.h"

#define SCHEMA_VERSION 1

struct options {
	const char *path;
	bool json;
};

/* ---- what is there ---- */

struct shown {
	json_t *list[CONTENT_KINDS]; /* of objects */
	time_t expires;              /* the first end of all; 0: none */
	char what[160];              /* whose */
	bool text;                   /* print as it comes */
};

/* 0: it could not be read. */
static const char *date(time_t t, char out[TIME_TEXT_SIZE])
{
	return t ? time_text(t, out) : "?";
}

static json_t *cert_json(const struct content_cert *c)
{
	return json_pack("{ss, ss, so, so}", "name", c->name, "serial", c->serial, "not_before",
	                 json_date(c->dates.from), "not_after", json_date(c->dates.to));
}

static json_t *content_json(const struct content *c)
{
	json_t *signer = c->has_signer ? cert_json(&c->signer) : json_null(), *o;

	if (c->kind == CONTENT_CERTIFICATE) {
		json_decref(signer);
		return cert_json(&c->signer);
	}
	o = json_pack("{so, so, so}", "issued", json_date(c->dates.from), "next_update",
	              json_date(c->dates.to), "signer", signer);
	if (c->kind == CONTENT_CRL) {
		json_object_set_new(o, "issuer", json_string(c->name));
		json_object_set_new(o, "number", text_or_null(c->number));
		return o;
	}
	json_object_set_new(o, "tee", json_string(c->tdx ? "TDX" : "SGX"));
	json_object_set_new(o, "id", json_string(c->id));
	json_object_set_new(o, "tcb_evaluation_data_number",
	                    c->evaluation ? json_integer(c->evaluation) : json_null());
	if (c->kind == CONTENT_TCB_INFO)
		json_object_set_new(o, "fmspc",
		                    json_hex(c->has_fmspc ? c->fmspc : NULL, sizeof(c->fmspc)));
	return o;
}

/* "TCB info of FMSPC 00806f050000 for TDX, evaluation 18" */
static void describe(const struct content *c, char out[160])
{
	char hex[HEX_ENCODED_SIZE(6)] = "?";

	if (c->has_fmspc)
		hex_encode(c->fmspc, sizeof(c->fmspc), hex);
	if (c->kind == CONTENT_TCB_INFO)
		snprintf(out, 160, "TCB info of FMSPC %s for %s, evaluation %u", hex,
		         c->tdx ? "TDX" : "SGX", c->evaluation);
	else if (c->kind == CONTENT_QE_IDENTITY)
		snprintf(out, 160, "identity of %s for %s, evaluation %u", c->id,
		         c->tdx ? "TDX" : "SGX", c->evaluation);
	else if (c->kind == CONTENT_CRL)
		snprintf(out, 160, "CRL of \"%s\", number %s", c->name,
		         c->number[0] ? c->number : "none");
	else
		snprintf(out, 160, "certificate of \"%s\", serial %s", c->signer.name,
		         c->signer.serial);
}

static void print_content(const struct content *c, const char *what)
{
	char from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];

	printf("%s\n", what);
	if (c->kind == CONTENT_CERTIFICATE)
		printf("  valid      %s to %s\n", date(c->dates.from, from),
		       date(c->dates.to, to));
	else
		printf("  issued     %s, next update %s\n", date(c->dates.from, from),
		       date(c->dates.to, to));
	if (c->has_signer)
		printf("  signer     \"%s\", serial %s, valid %s to %s\n", c->signer.name,
		       c->signer.serial, date(c->signer.dates.from, from),
		       date(c->signer.dates.to, to));
}

static int take(void *context, const struct content *c, struct err *e)
{
	struct shown *s = context;
	char what[160];

	describe(c, what);
	if (c->dates.to && (!s->expires || c->dates.to < s->expires)) {
		s->expires = c->dates.to;
		snprintf(s->what, sizeof(s->what), "%s", what);
	}
	if (s->text)
		print_content(c, what);
	return json_array_append_new(s->list[c->kind], content_json(c)) < 0 ? err_nomem(e) : 0;
}

/* ---- the verb ---- */

static int print(struct shown *s, const char *path, struct err *e)
{
	char expires[TIME_TEXT_SIZE];
	json_t *o;

	if (s->text) {
		if (s->expires)
			printf("expires      %s (%s)\n", date(s->expires, expires), s->what);
		return 0;
	}
	o = json_pack("{si, ss, sO, sO, sO, sO, so, so}", "schema_version", SCHEMA_VERSION, "path",
	              path, "tcb_infos", s->list[CONTENT_TCB_INFO], "qe_identities",
	              s->list[CONTENT_QE_IDENTITY], "crls", s->list[CONTENT_CRL], "certificates",
	              s->list[CONTENT_CERTIFICATE], "next_expiry", json_date(s->expires),
	              "next_expiry_of", text_or_null(s->what));
	return json_print(o) < 0 ? err_nomem(e) : 0;
}

static int show(const struct options *o, struct err *e)
{
	_cleanup_(verifier_freep) struct verifier *v = NULL;
	struct shown s = {.text = !o->json};
	int r = verifier_new(NULL, &v, e);

	for (int i = 0; i < CONTENT_KINDS; i++)
		s.list[i] = json_array();
	if (r == 0 && (r = collateral_take(o->path, v, NULL, e)) == 0 &&
	    (r = verifier_contents(v, take, &s, e)) == 0) {
		size_t pieces = 0;

		for (int i = 0; i < CONTENT_KINDS; i++)
			pieces += json_array_size(s.list[i]);
		r = pieces ? print(&s, o->path, e)
		           : err_set(e, -ENOENT, "%.200s: no collateral in it", o->path);
	}
	for (int i = 0; i < CONTENT_KINDS; i++)
		json_decref(s.list[i]);
	return r;
}

static int cmd_collateral_show(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_JSON,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Shows what a folder or file of collateral holds and when the first of it "
	                 "expires: TCB infos, identities, CRLs, certificates, as they say "
	                 "themselves. Nothing is verified: that takes a quote, see quote verify.\v"
	                 "Exit code 2: there is nothing in it.",
	        OPTION_OPERAND(path, "DIR|FILE", "no collateral: name a DIR or FILE"),
	        .rows = rows,
	};
	struct options o = {0};
	struct err e = {0};

	options_parse(&options, argc, argv, &o);
	if (show(&o, &e) == 0)
		return EXIT_OK;
	if (o.json)
		json_print(json_pack("{si, ss, s{ss}}", "schema_version", SCHEMA_VERSION, "path",
		                     o.path, "error", "text", e.text));
	return cmd_failed(EXIT_USAGE, &e);
}

int cmd_collateral(int argc, char **argv)
{
	static const struct verb verbs[] = {
	        {"show", cmd_collateral_show, "what a folder or file holds, and when it expires"},
	};

	return cmd_dispatch(verbs, COUNT_OF(verbs), "Collateral that quotes are judged by.", argc,
	                    argv);
}
