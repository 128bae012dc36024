// SPDX-License-Identifier: Apache-2.0
#include "cli/quote_answer.h"
#include "core/time.h"

#include <errno.h>
#include <jansson.h>

/* ---- text ---- */

static const char *shown_status(enum tcb_status s)
{
	return s == TCB_NOT_EVALUATED ? "-" : tcb_status_names[s];
}

static void print_advisories(const struct tcb_result *r, FILE *out)
{
	for (size_t i = 0; i < r->advisories; i++)
		fprintf(out, "  %s %s\n", i ? "          " : "advisories", r->advisory[i]);
}

static void print_result(const struct answer *a, FILE *out)
{
	const struct verdict *v = &a->v;
	const struct tcb_result *l = &v->launch;
	char date[TIME_TEXT_SIZE];

	fprintf(out, "  status     %s (platform %s, module %s, QE %s)\n", shown_status(v->status),
	        shown_status(l->platform), shown_status(l->module), shown_status(l->qe));
	if (v->current.status != l->status)
		fprintf(out, "  launch     %s, TCB of %.10s\n  current    %s, TCB of %.10s\n",
		        shown_status(l->status), l->date[0] ? l->date : "-",
		        shown_status(v->current.status),
		        v->current.date[0] ? v->current.date : "-");
	if (v->cure[0])
		fprintf(out, "  cure       %s\n", v->cure);
	if (l->date[0])
		fprintf(out, "  TCB date   %s, evaluation %u\n", l->date, v->tcb_evaluation);
	if (v->collateral.expires_what)
		fprintf(out, "  expires    %s (%s)\n", time_text(v->collateral.expires, date),
		        v->collateral.expires_what);
	print_advisories(l, out);
}

static void print_text(const struct answer *a, FILE *out)
{
	const struct verdict *v = &a->v;

	fprintf(out, "%s: %s\n", a->name, a->policy.accepted ? "accepted" : "REJECTED");
	if (a->fault.code != FORMAT_OK)
		fprintf(out, "  not a quote: %s at byte %ju%s%s\n", format_code_name(a->fault.code),
		        (uintmax_t)a->fault.offset, a->why[0] ? ": " : "", a->why);
	if (a->text[0])
		fprintf(out, "  %s\n", a->text);
	if (a->fault.code != FORMAT_OK || a->text[0])
		return;
	fprintf(out, "  authentic  %s, origin %s\n", v->authentic ? "yes" : "NO",
	        origin_names[v->origin]);
	if (v->reason[0])
		fprintf(out, "  because    %s (%s)\n", v->reason, verdict_code_names[v->code]);
	print_result(a, out);
	for (size_t i = 0; i < a->policy.checks; i++) {
		if (!a->policy.check[i].ok)
			fprintf(out, "  policy     %s: %s\n", a->policy.check[i].name,
			        a->policy.check[i].why);
	}
}

static void print_line(const struct answer *a, FILE *out)
{
	const struct verdict *v = &a->v;

	fprintf(out, "%s %s %s %s %s\n", a->policy.accepted ? "accepted" : "REJECTED",
	        v->authentic ? "authentic" : "unauthentic", origin_names[v->origin],
	        shown_status(v->status), a->name);
}

/* ---- either ---- */

static int print_json(json_t *json, bool compact, FILE *out)
{
	int r = 0;

	if (!json)
		return -ENOMEM;
	if (json_dumpf(json, out, compact ? JSON_COMPACT : JSON_INDENT(1)) < 0 ||
	    fputc('\n', out) < 0)
		r = -EIO;
	json_decref(json);
	return r;
}

int answer_print(const struct answer *a, enum answer_form form, FILE *out, struct err *e)
{
	int r = 0;

	if (form == ANSWER_TEXT)
		print_text(a, out);
	else if (form == ANSWER_LINE)
		print_line(a, out);
	else
		r = print_json(answer_json(a), form == ANSWER_JSON_LINE, out);
	if (r == -ENOMEM)
		return err_nomem(e);
	return r < 0 || ferror(out) ? err_set(e, -EIO, "cannot write") : 0;
}

int answer_print_failure(const char *code, const char *text, FILE *out)
{
	return print_json(answer_failure_json(code, text), true, out);
}
