/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/collateral.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/quote.h"
#include "core/cleanup.h"
#include "trust/policy.h"

#define ARGUMENTS_MAX 256
#define FILE_MAX      (8u << 20) /* bytes of a root or policy */

struct options {
	const char *file[ARGUMENTS_MAX];
	size_t files;
	const char *collateral[ARGUMENTS_MAX];
	size_t collaterals;
	const char *root;
	const char *policy;
	time_t at;
	bool json;
	bool batch;
};

enum { OPT_COLLATERAL = 256, OPT_AT, OPT_ROOT, OPT_POLICY, OPT_BATCH };

static const struct argp_option option_list[] = {
        {"collateral", OPT_COLLATERAL, "DIR|FILE", 0,
         "Intel's collateral: a folder of files as served, one such file, or a bundle; repeatable",
         0},
        {"at", OPT_AT, "TIME", 0, "judge as of this time: seconds, or 2026-01-27T09:01:45Z", 0},
        {"root", OPT_ROOT, "PEM", 0, "also trust this test root, for emulated quotes", 0},
        {"policy", OPT_POLICY, "FILE", 0, "what to accept, as JSON (default: UpToDate, no DEBUG)",
         0},
        {"batch", OPT_BATCH, NULL, 0, "many quotes, one line each; a folder means its files", 0},
        {0},
};

static int parse_time(const char *text, time_t *ret)
{
	struct tm tm = {0};
	char *end;
	long long seconds;

	errno = 0;
	seconds = strtoll(text, &end, 10);
	if (end != text && *end == '\0' && errno == 0) {
		*ret = (time_t)seconds;
		return 0;
	}
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end)
		return -EINVAL;
	*ret = timegm(&tm);
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->json;
		return 0;
	case OPT_COLLATERAL:
		if (o->collaterals == ARGUMENTS_MAX)
			argp_error(state, "too many --collateral");
		o->collateral[o->collaterals++] = arg;
		return 0;
	case OPT_AT:
		if (parse_time(arg, &o->at) < 0)
			argp_error(state, "no time '%.40s'", arg);
		return 0;
	case OPT_ROOT:
		o->root = arg;
		return 0;
	case OPT_POLICY:
		o->policy = arg;
		return 0;
	case OPT_BATCH:
		o->batch = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->files == ARGUMENTS_MAX)
			argp_error(state, "too many files: name their folder with --batch");
		o->file[o->files++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->files || (o->files > 1 && !o->batch))
			argp_error(state, "one FILE, or --batch");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- inputs ---- */

static int make_verifier(const struct options *o, struct verifier **ret, struct err *e)
{
	_cleanup_(verifier_freep) struct verifier *v = NULL;
	_cleanup_(input_done) struct input root = {0};
	_cleanup_(freep) char *pem = NULL;
	int r;

	if (o->root && (r = input_read(o->root, FILE_MAX, &root, e)) < 0)
		return r;
	if (o->root && !(pem = strndup((const char *)root.data, root.size)))
		return err_nomem(e);
	if ((r = verifier_new(&(struct trust_anchors){.test_root_pem = pem}, &v, e)) < 0)
		return err_prefix(e, "%.200s", o->root ?: "");
	for (size_t i = 0; i < o->collaterals; i++) {
		if ((r = collateral_take(o->collateral[i], v, NULL, e)) < 0)
			return r;
	}
	*ret = TAKE_PTR(v);
	return 0;
}

static int make_policy(const char *path, struct policy **ret, struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	int r;

	if (path && (r = input_read(path, FILE_MAX, &in, e)) < 0)
		return r;
	return policy_read(path ? (const void *)in.data : NULL, in.size, ret, e);
}

/* ---- answers ---- */

/* All about one quote. */
struct answer {
	const char *path;
	struct format_fault fault; /* code FORMAT_OK unless the bytes are no quote */
	char text[200];            /* why the file could not be read at all, else "" */
	struct verdict v;
	struct policy_result policy;
};

static json_t *json_status(enum tcb_status s)
{
	return s == TCB_NOT_EVALUATED ? json_null() : json_string(tcb_status_names[s]);
}

static json_t *json_text(const char *s)
{
	return s[0] ? json_string(s) : json_null();
}

static json_t *json_error(const struct answer *a)
{
	if (a->fault.code != FORMAT_OK)
		return json_pack("{ss, sI}", "code", format_code_name(a->fault.code), "offset",
		                 (json_int_t)a->fault.offset);
	return a->text[0]
	               ? json_pack("{ss, sn, ss}", "code", "unreadable", "offset", "text", a->text)
	               : json_null();
}

static json_t *json_policy(const struct policy_result *p)
{
	json_t *checks = json_array();

	for (size_t i = 0; i < p->checks; i++)
		json_array_append_new(checks, json_pack("{ss, sb}", "name", p->check[i].name, "ok",
		                                        (int)p->check[i].ok));
	return json_pack("{sb, so}", "accepted", (int)p->accepted, "checks", checks);
}

static json_t *answer_json(const struct answer *a)
{
	const struct verdict *v = &a->v;
	json_t *advisories = json_array();

	for (size_t i = 0; i < v->advisories; i++)
		json_array_append_new(advisories, json_string(v->advisory[i]));
	return json_pack("{si, ss, so, sb, sb, ss, so, so, so, so, so, so, so, so, so, so}", //
	                 "schema_version", 1, "file", a->path, "error", json_error(a),       //
	                 "accepted", (int)a->policy.accepted,                                //
	                 "authentic", (int)v->authentic, "origin", origin_names[v->origin],  //
	                 "reason", json_text(v->reason), "status", json_status(v->status),   //
	                 "platform_status", json_status(v->platform),                        //
	                 "module_status", json_status(v->module), "qe_status",
	                 json_status(v->qe), //
	                 "tcb_date", json_text(v->tcb_date), "tcb_evaluation_data_number",
	                 v->tcb_evaluation ? json_integer(v->tcb_evaluation) : json_null(), //
	                 "advisories", advisories,                                          //
	                 "fmspc", v->authentic ? json_hex(v->fmspc, sizeof(v->fmspc)) : json_null(),
	                 "policy", json_policy(&a->policy));
}

static const char *shown_status(enum tcb_status s)
{
	return s == TCB_NOT_EVALUATED ? "-" : tcb_status_names[s];
}

static void print_text(const struct answer *a)
{
	const struct verdict *v = &a->v;

	printf("%s: %s\n", a->path, a->policy.accepted ? "accepted" : "REJECTED");
	if (a->fault.code != FORMAT_OK)
		printf("  not a quote: %s at byte %ju\n", format_code_name(a->fault.code),
		       (uintmax_t)a->fault.offset);
	if (a->text[0])
		printf("  %s\n", a->text);
	if (a->fault.code != FORMAT_OK || a->text[0])
		return;
	printf("  authentic  %s, origin %s\n", v->authentic ? "yes" : "NO",
	       origin_names[v->origin]);
	if (v->reason[0])
		printf("  because    %s\n", v->reason);
	printf("  status     %s (platform %s, module %s, QE %s)\n", shown_status(v->status),
	       shown_status(v->platform), shown_status(v->module), shown_status(v->qe));
	if (v->tcb_date[0])
		printf("  TCB date   %s, evaluation %u\n", v->tcb_date, v->tcb_evaluation);
	for (size_t i = 0; i < v->advisories; i++)
		printf("  %s %s\n", i ? "          " : "advisories", v->advisory[i]);
	for (size_t i = 0; i < a->policy.checks; i++) {
		if (!a->policy.check[i].ok)
			printf("  policy     %s: no\n", a->policy.check[i].name);
	}
}

static void print_line(const struct answer *a)
{
	const struct verdict *v = &a->v;

	printf("%s %s %s %s %s\n", a->policy.accepted ? "accepted" : "REJECTED",
	       v->authentic ? "authentic" : "unauthentic", origin_names[v->origin],
	       shown_status(v->status), a->path);
}

static int print_answer(const struct answer *a, const struct options *o, struct err *e)
{
	json_t *json;
	int r = 0;

	if (!o->json) {
		(o->batch ? print_line : print_text)(a);
		return 0;
	}
	json = answer_json(a);
	if (o->batch && json)
		r = json_dumpf(json, stdout, JSON_COMPACT) < 0 || puts("") < 0 ? -EIO : 0;
	else
		return json_print(json) < 0 ? err_nomem(e) : 0;
	json_decref(json);
	return r < 0 || !json ? err_set(e, -EIO, "cannot write") : 0;
}

/* ---- the verb ---- */

struct work {
	const struct options *o;
	struct verifier *verifier;
	struct policy *policy;
	size_t files;
	int exit; /* the worst so far */
};

static int verify_file(void *context, const char *path, struct err *e)
{
	struct work *w = context;
	struct answer a = {.path = path,
	                   .v = {.origin = ORIGIN_UNKNOWN,
	                         .status = TCB_NOT_EVALUATED,
	                         .platform = TCB_NOT_EVALUATED,
	                         .module = TCB_NOT_EVALUATED,
	                         .qe = TCB_NOT_EVALUATED}};
	_cleanup_(input_done) struct input in = {0};
	struct quote q = {0};
	int r = input_quote(path, &in, &q, &a.fault, e), code = EXIT_OK;

	w->files++;
	if (r == 0)
		r = verifier_check(w->verifier, &q, w->o->at, &a.v, e);
	if (r == -ENOMEM)
		return r;
	if (r == 0)
		policy_apply(w->policy, &q, &a.v, &a.policy);
	else if (a.fault.code == FORMAT_OK)
		snprintf(a.text, sizeof(a.text), "%.*s", (int)sizeof(a.text) - 1, e->text);
	if (!a.policy.accepted)
		code = a.text[0] ? EXIT_USAGE : EXIT_DIFFERS;
	if (code > w->exit)
		w->exit = code;
	return print_answer(&a, w->o, e);
}

static int verify_all(struct work *w, struct err *e)
{
	int r = make_verifier(w->o, &w->verifier, e);

	if (r < 0 || (r = make_policy(w->o->policy, &w->policy, e)) < 0)
		return r;
	for (size_t i = 0; r == 0 && i < w->o->files; i++) {
		const char *path = w->o->file[i];
		size_t before = w->files;

		r = w->o->batch && input_is_dir(path) ? input_each_file(path, verify_file, w, e)
		                                      : verify_file(w, path, e);
		if (r == 0 && w->files == before)
			r = err_set(e, -ENOENT, "%.200s: no quote in it", path);
	}
	return r;
}

int cmd_quote_verify(int argc, char **argv)
{
	static const struct argp_child children[] = {{&options_json, 0, NULL, 0}, {0}};
	static const struct argp argp = {
	        .options = option_list,
	        .parser = parse_option,
	        .children = children,
	        .args_doc = "FILE...",
	        .doc = "Verifies TDX quotes offline, as Intel's DCAP does and stricter: "
	               "certificates, "
	               "revocation, signatures, the quoting enclave, the TCB of platform and TDX "
	               "module.\v"
	               "Exit code 0: accepted, 1: rejected, 2: an input could not be used.",
	};
	struct options o = {.at = time(NULL)};
	struct work w = {.o = &o};
	struct err e = {0};

	options_parse(&argp, argc, argv, 0, &o);
	if (verify_all(&w, &e) < 0)
		w.exit = cmd_failed(EXIT_USAGE, &e);
	verifier_free(w.verifier);
	policy_free(w.policy);
	return w.exit;
}
