/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/collateral.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/quote.h"
#include "cli/quote_answer.h"
#include "cli/shares.h"
#include "core/cleanup.h"

#define ARGUMENTS_MAX 256
#define JOBS_MAX      1024
#define FILE_MAX      (8u << 20) /* bytes of a root or policy */

struct options {
	const char *file[ARGUMENTS_MAX];
	size_t files;
	const char *collateral[ARGUMENTS_MAX];
	size_t collaterals;
	const char *root;
	const char *policy;
	struct required {
		const char *option, *name, *hex; /* the last two as policy_require() takes them */
	} required[ARGUMENTS_MAX];
	size_t requireds;
	time_t at;
	bool json;
	bool batch;
	unsigned jobs;
	char usage[100]; /* what is wrong with the call, or "" */
};

enum {
	OPT_COLLATERAL = 256,
	OPT_AT,
	OPT_ROOT,
	OPT_POLICY,
	OPT_BATCH,
	OPT_MRTD,
	OPT_RTMR,
	OPT_DATA
};

static const struct argp_option option_list[] = {
        {"collateral", OPT_COLLATERAL, "DIR|FILE", 0,
         "Intel's collateral: a folder of files as served, one such file, or a bundle; repeatable",
         0},
        {"at", OPT_AT, "TIME", 0, "judge as of this time: seconds, or 2026-01-27T09:01:45Z", 0},
        {"root", OPT_ROOT, "PEM", 0, "also trust this test root, for emulated quotes", 0},
        {"policy", OPT_POLICY, "FILE", 0,
         "what to accept, as JSON (default: UpToDate, no DEBUG, no service TD, no VM within the "
         "TD)",
         0},
        {"mrtd", OPT_MRTD, "HEX", 0,
         "accept this MRTD only; as the two below beside the policy, and repeated: or another", 0},
        {"rtmr", OPT_RTMR, "N=HEX", 0, "accept this value of RTMR N only, 0 to 3", 0},
        {"report-data", OPT_DATA, "HEX", 0, "accept this REPORTDATA only: 64 bytes", 0},
        {"batch", OPT_BATCH, NULL, 0, "many quotes, one line each; a folder means its files", 0},
        {"jobs", 'j', "N", 0, "with --batch: as many at once (default: 1)", 0},
        {0},
};

/* Seconds, or a date that there is: timegm() would make another of 30 February. */
static int parse_time(const char *text, time_t *ret)
{
	struct tm tm = {0}, again;
	char *end, same[32];
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
	if (!gmtime_r(ret, &again) || !strftime(same, sizeof(same), "%Y-%m-%dT%H:%M:%SZ", &again) ||
	    strcmp(same, text) != 0)
		return -EINVAL;
	return 0;
}

/* Kept until all is parsed, since --json can come after it and is to say it, too. */
static void wrong(struct options *o, const char *what, const char *arg)
{
	if (!o->usage[0])
		snprintf(o->usage, sizeof(o->usage), "%s%.40s", what, arg);
}

static void require(struct options *o, const char *option, const char *name, const char *hex)
{
	if (o->requireds == ARGUMENTS_MAX)
		wrong(o, "too many ", option);
	else
		o->required[o->requireds++] = (struct required){option, name, hex};
}

static void require_rtmr(struct options *o, const char *arg)
{
	static const char *const name[] = {"rtmr0", "rtmr1", "rtmr2", "rtmr3"};

	if (arg[0] < '0' || arg[0] > '3' || arg[1] != '=')
		wrong(o, "--rtmr: expected N=HEX, N from 0 to 3: ", arg);
	else
		require(o, "--rtmr", name[arg[0] - '0'], arg + 2);
}

/* Files, and the end. */
static error_t parse_rest(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (o->files == ARGUMENTS_MAX)
			wrong(o, "too many files: name their folder with --batch", "");
		else
			o->file[o->files++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->files || (o->files > 1 && !o->batch))
			wrong(o, "one FILE, or --batch", "");
		if (o->usage[0])
			argp_error(state, "%s", o->usage);
		return 0;
	case ARGP_KEY_SUCCESS:
		if (o->usage[0] && !o->json)
			argp_error(state, "%s", o->usage);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
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
			wrong(o, "too many --collateral", "");
		else
			o->collateral[o->collaterals++] = arg;
		return 0;
	case OPT_AT:
		if (parse_time(arg, &o->at) < 0)
			wrong(o, "--at: no such time: ", arg);
		return 0;
	case OPT_ROOT:
		o->root = arg;
		return 0;
	case OPT_POLICY:
		o->policy = arg;
		return 0;
	case OPT_MRTD:
		require(o, "--mrtd", "mrtd", arg);
		return 0;
	case OPT_RTMR:
		require_rtmr(o, arg);
		return 0;
	case OPT_DATA:
		require(o, "--report-data", "report_data", arg);
		return 0;
	case OPT_BATCH:
		o->batch = true;
		return 0;
	case 'j':
		o->jobs = options_number(state, "--jobs", arg, JOBS_MAX);
		return 0;
	default:
		return parse_rest(key, arg, state);
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

static int make_policy(const struct options *o, struct policy **ret, struct err *e)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_(input_done) struct input in = {0};
	int r;

	if (o->policy && (r = input_read(o->policy, FILE_MAX, &in, e)) < 0)
		return r;
	r = policy_read(o->policy ? (const void *)in.data : NULL, in.size, &p, e);
	if (r < 0)
		return o->policy ? err_prefix(e, "%.200s", o->policy) : r;
	for (size_t i = 0; i < o->requireds; i++) {
		if ((r = policy_require(p, o->required[i].name, o->required[i].hex, e)) < 0)
			return err_prefix(e, "%s", o->required[i].option);
	}
	*ret = TAKE_PTR(p);
	return 0;
}

/* ---- the verb ---- */

struct work {
	const struct options *o;
	struct verifier *verifier;
	struct policy *policy;
	char **path; /* of all quotes */
	size_t paths, room;
	int exit; /* the worst so far */
};

static enum answer_form form_of(const struct options *o)
{
	if (o->json)
		return o->batch ? ANSWER_JSON_LINE : ANSWER_JSON;
	return o->batch ? ANSWER_LINE : ANSWER_TEXT;
}

static int verify_item(void *context, size_t item, FILE *out, int *exit_code, struct err *e)
{
	const struct work *w = context;
	_cleanup_(answer_done) struct answer a = {.name = w->path[item]};
	_cleanup_(input_done) struct input in = {0};
	int r = input_read(a.name, ANSWER_INPUT_MAX, &in, e), code = EXIT_OK;

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		answer_unreadable(&a, e);
	else if ((r = answer_judge(&a, w->verifier, w->policy, in.data, in.size, w->o->at, e)) < 0)
		return r;
	if (!a.policy.accepted)
		code = a.text[0] ? EXIT_USAGE : EXIT_DIFFERS;
	if (code > *exit_code)
		*exit_code = code;
	return answer_print(&a, form_of(w->o), out, e);
}

/* ---- which quotes ---- */

static int add_path(void *context, const char *path, struct err *e)
{
	struct work *w = context;

	if (w->paths == w->room) {
		size_t room = w->room ? 2 * w->room : 64;
		char **more = realloc(w->path, room * sizeof(*more));

		if (!more)
			return err_nomem(e);
		w->path = more;
		w->room = room;
	}
	if (!(w->path[w->paths] = strdup(path)))
		return err_nomem(e);
	w->paths++;
	return 0;
}

static int list_quotes(struct work *w, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->o->files; i++) {
		const char *path = w->o->file[i];
		size_t before = w->paths;

		r = w->o->batch && input_is_dir(path) ? input_each_file(path, add_path, w, e)
		                                      : add_path(w, path, e);
		if (r == 0 && w->paths == before)
			r = err_set(e, -ENOENT, "%.200s: no quote in it", path);
	}
	return r;
}

/* *ret_code: what failed, for programs. */
static int verify_all(struct work *w, const char **ret_code, struct err *e)
{
	int r;

	*ret_code = "collateral-unusable";
	if ((r = make_verifier(w->o, &w->verifier, e)) < 0)
		return r;
	*ret_code = "policy-unusable";
	if ((r = make_policy(w->o, &w->policy, e)) < 0)
		return r;
	policy_choose(w->policy, w->verifier);
	*ret_code = "no-quote";
	if ((r = list_quotes(w, e)) < 0)
		return r;
	*ret_code = "failed";
	return shares_run(w->paths, w->o->jobs, verify_item, w, &w->exit, e);
}

/* argp ends the program when the call is wrong; whoever asked for JSON gets some nevertheless. */
static const char *wrong_call; /* while options are parsed: what to say, or NULL */

static void say_wrong_call(int status, void *options)
{
	const struct options *o = options;

	if (wrong_call && status == EXIT_USAGE)
		answer_print_failure("usage", o->usage[0] ? o->usage : wrong_call, stdout);
}

static void expect_wrong_call(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			wrong_call = "the options are wrong, see quote verify --help";
	}
	if (wrong_call)
		on_exit(say_wrong_call, o);
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
	static struct options o = {.jobs = 1}; /* static: for whom argp ends the program */
	struct work w = {.o = &o};
	const char *code;
	struct err e = {0};

	o.at = time(NULL);
	expect_wrong_call(argc, argv, &o);
	options_parse(&argp, argc, argv, 0, &o);
	wrong_call = NULL;
	if (verify_all(&w, &code, &e) < 0) {
		if (o.json)
			answer_print_failure(code, e.text, stdout);
		w.exit = cmd_failed(EXIT_USAGE, &e);
	}
	for (size_t i = 0; i < w.paths; i++)
		free(w.path[i]);
	free(w.path);
	verifier_free(w.verifier);
	policy_free(w.policy);
	return w.exit;
}
