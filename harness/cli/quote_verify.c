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
#include "cli/quote_token.h"
#include "cli/shares.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/time.h"
#include "format/bytes.h"
#include "reference/corim.h"
#include "reference/reference.h"

#define ARGUMENTS_MAX 256
#define JOBS_MAX      1024
#define FILE_MAX      (8u << 20) /* bytes of a root or policy */

/* Values of an option that can be given again and again. */
struct repeated {
	const char *value[ARGUMENTS_MAX];
	size_t count;
};

struct requirements {
	struct {
		const char *option, *name, *hex; /* the last two as policy_require() takes them */
	} item[ARGUMENTS_MAX];
	size_t count;
};

struct options {
	const char *file[ARGUMENTS_MAX]; /* up to a NULL or the end */
	struct repeated collateral;
	const char *root;
	const char *policy;
	struct repeated reference;
	const char *reference_key; /* a file with the signer's, in PEM; or NULL */
	struct requirements required;
	time_t at;
	bool json;
	bool token;
	const char *key;
	bool is_unsigned;
	bool batch;
	unsigned jobs;
};

static int take_repeated(void *member, const char *value, struct err *e)
{
	struct repeated *all = member;

	if (all->count == ARGUMENTS_MAX)
		return err_set(e, -EINVAL, "'%.40s': more than %d of this option", value,
		               ARGUMENTS_MAX);
	all->value[all->count++] = value;
	return 0;
}

static int require(struct requirements *all, const char *option, const char *name, const char *hex,
                   struct err *e)
{
	if (all->count == ARGUMENTS_MAX)
		return err_set(e, -EINVAL, "too many %s", option);
	all->item[all->count].option = option;
	all->item[all->count].name = name;
	all->item[all->count++].hex = hex;
	return 0;
}

static int take_mrtd(void *required, const char *value, struct err *e)
{
	return require(required, "--mrtd", "mrtd", value, e);
}

static int take_rtmr(void *required, const char *value, struct err *e)
{
	static const char *const name[] = {"rtmr0", "rtmr1", "rtmr2", "rtmr3"};

	if (value[0] < '0' || value[0] > '3' || value[1] != '=')
		return err_set(e, -EINVAL, "--rtmr: expected N=HEX, N from 0 to 3: %.40s", value);
	return require(required, "--rtmr", name[value[0] - '0'], value + 2, e);
}

static int take_data(void *required, const char *value, struct err *e)
{
	return require(required, "--report-data", "report_data", value, e);
}

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	if (!o->file[0] || (o->file[1] && !o->batch))
		return err_set(e, -EINVAL, "one FILE, or --batch");
	if (o->token && o->json)
		return err_set(e, -EINVAL, "--token or --json, not both");
	if (o->token && !o->key == !o->is_unsigned)
		return err_set(e, -EINVAL, "--token: --key=FILE to sign it with, or --unsigned");
	if (!o->token && (o->key || o->is_unsigned))
		return err_set(e, -EINVAL, "--key and --unsigned are of --token");
	return 0;
}

/* ---- inputs ---- */

static int make_verifier(const struct options *o, struct verifier **ret, struct err *e)
{
	_cleanup_(verifier_freep) struct verifier *v = NULL;
	_cleanup_(input_done) struct input root = {0};
	int r;

	if (o->root && (r = input_read(o->root, FILE_MAX, &root, e)) < 0)
		return r;
	r = verifier_new(&(struct trust_anchors){.test_root_pem = (const char *)root.data}, &v, e);
	if (r < 0)
		return err_prefix(e, "%.200s", o->root ?: "");
	for (size_t i = 0; i < o->collateral.count; i++) {
		if ((r = collateral_take(o->collateral.value[i], v, NULL, e)) < 0)
			return r;
	}
	*ret = TAKE_PTR(v);
	return 0;
}

static int add_images(const char *path, const char *key_file, json_t *images, struct err *e)
{
	_cleanup_(bytes_free) struct bytes document = {NULL, 0}, key = {NULL, 0};
	json_auto_t *own = NULL;
	int r = file_read_input(path, CORIM_MAX, &document, e);

	if (r == 0 && key_file)
		r = file_read_input(key_file, CORIM_MAX, &key, e);
	if (r < 0)
		return r;
	r = reference_read(document, (const char *)key.data, &own, e);
	if (r < 0)
		return err_prefix(e, "%.200s", path);
	r = json_array_extend(images, own);
	return r < 0 ? err_nomem(e) : 0;
}

/* A policy that also asks for what the documents of reference values say, instead of `*p`. */
static int add_reference(const struct options *o, const struct input *text, struct policy **p,
                         struct err *e)
{
	json_auto_t *policy = text->size ? json_loadb((const char *)text->data, text->size, 0, NULL)
	                                 : json_object();
	json_auto_t *images = json_array();
	_cleanup_(freep) char *more = NULL;
	int r = 0;

	if (json_object_get(policy, "images"))
		return err_set(e, -EINVAL, "--reference: the policy has images of its own");
	for (size_t i = 0; r == 0 && i < o->reference.count; i++)
		r = add_images(o->reference.value[i], o->reference_key, images, e);
	if (r < 0)
		return r;
	if (json_object_set(policy, "images", images) < 0 ||
	    !(more = json_dumps(policy, JSON_COMPACT)))
		return err_nomem(e);
	policy_free(TAKE_PTR(*p));
	r = policy_read(more, strlen(more), p, e);
	return r < 0 ? err_prefix(e, "--reference") : 0;
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
	if (o->reference.count && (r = add_reference(o, &in, &p, e)) < 0)
		return r;
	for (size_t i = 0; i < o->required.count; i++) {
		r = policy_require(p, o->required.item[i].name, o->required.item[i].hex, e);
		if (r < 0)
			return err_prefix(e, "%s", o->required.item[i].option);
	}
	*ret = TAKE_PTR(p);
	return 0;
}

/* ---- the verb ---- */

struct work {
	const struct options *o;
	struct verifier *verifier;
	struct policy *policy;
	struct token_maker tokens;
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
	int r = input_piece(a.name, CELL_QUOTE, ANSWER_INPUT_MAX, &in, e), code = EXIT_OK;

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
	return w->o->token ? token_print(&w->tokens, &a, out, e)
	                   : answer_print(&a, form_of(w->o), out, e);
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

	for (size_t i = 0; r == 0 && i < ARGUMENTS_MAX && w->o->file[i]; i++) {
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
	*ret_code = "key-unusable";
	if ((r = token_maker_init(&w->tokens, w->o->key, w->o->policy, e)) < 0)
		return r;
	*ret_code = "no-quote";
	if ((r = list_quotes(w, e)) < 0)
		return r;
	*ret_code = "failed";
	return shares_run(w->paths, w->o->jobs, verify_item, w, &w->exit, e);
}

/* options_parse() ends the program when the call is wrong: who asked for JSON gets it nevertheless. */
static bool parsing;

static void say_wrong_call(int status, void *unused)
{
	(void)unused;
	if (parsing && status == EXIT_USAGE)
		answer_print_failure("usage",
		                     options_complaint()
		                             ?: "the options are wrong, see quote verify --help",
		                     stdout);
}

static void expect_wrong_call(int argc, char **argv)
{
	for (int i = 1; i < argc && !parsing; i++)
		parsing = strcmp(argv[i], "--json") == 0;
	if (parsing)
		on_exit(say_wrong_call, NULL);
}

static const struct option_row rows[] = {
        OPTION_CALL(collateral, take_repeated, "collateral", "DIR|FILE",
                    "Intel's collateral: a folder of files as served, one such file, or a "
                    "bundle; repeatable"),
        OPTION_CALL(at, options_take_time, "at", "TIME",
                    "judge as of this time: seconds, or 2026-01-27T09:01:45Z"),
        OPTION_TEXT(root, "root", "PEM", "also trust this test root, for emulated quotes"),
        OPTION_TEXT(policy, "policy", "FILE",
                    "what to accept, as JSON (default: UpToDate, no DEBUG, no service TD, no VM "
                    "within the TD)"),
        OPTION_CALL(reference, take_repeated, "reference", "FILE",
                    "accept only what these reference values say: CoRIM, or JSON of `measure "
                    "reference'; repeatable"),
        OPTION_TEXT(reference_key, "reference-key", "PEM",
                    "the key or certificate of a signed CoRIM's signer"),
        OPTION_CALL(required, take_mrtd, "mrtd", "HEX",
                    "accept this MRTD only; as the two below beside the policy, and "
                    "repeated: or another"),
        OPTION_CALL(required, take_rtmr, "rtmr", "N=HEX",
                    "accept this value of RTMR N only, 0 to 3"),
        OPTION_CALL(required, take_data, "report-data", "HEX",
                    "accept this REPORTDATA only: 64 bytes"),
        OPTION_FLAG(batch, "batch", "many quotes, one line each; a folder means its files"),
        OPTION_JOBS(jobs, JOBS_MAX, "with --batch: as many at once (default: 1)"),
        OPTION_JSON,
        OPTION_FLAG(token, "token", "print an EAT attestation result (EAR), as a JWS"),
        OPTION_TEXT(key, "key", "FILE", "with --token: sign it with this P-256 key, PEM"),
        OPTION_FLAG(is_unsigned, "unsigned", "with --token: do not sign it"),
        {0},
};

int cmd_quote_verify(int argc, char **argv)
{
	static const struct options_of options = {
	        .about = "Verifies TDX quotes offline, as Intel's DCAP does and stricter: "
	                 "certificates, revocation, signatures, the quoting enclave, the TCB of "
	                 "platform and TDX module.\vExit code 0: accepted, 1: rejected, 2: an "
	                 "input could not be used.",
	        .usage = "FILE...",
	        .operand = OPTION_MEMBER(const char *, file[0]),
	        .operands = ARGUMENTS_MAX,
	        .check = check,
	        .rows = rows,
	};
	struct options o = {.jobs = 1};
	struct work w = {.o = &o};
	const char *code;
	struct err e = {0};

	o.at = time(NULL);
	expect_wrong_call(argc, argv);
	options_parse(&options, argc, argv, &o);
	parsing = false;
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
	token_maker_done(&w.tokens);
	return w.exit;
}
