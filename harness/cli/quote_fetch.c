/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/quote.h"
#include "core/cleanup.h"
#include "format/text.h"
#include "run/fetch.h"
#include "trust/platform.h"

struct options {
	const char *quote;
	const char *fmspc;
	const char *ca;
	const char *tee;
	unsigned sets; /* that were asked for */
	struct fetch_request request;
};

enum {
	OPT_FMSPC = 256,
	OPT_CA,
	OPT_TEE,
	OPT_UPDATE,
	OPT_EVALUATION,
	OPT_URL,
	OPT_ROOT_CRL,
	OPT_CACERT,
	OPT_INSECURE,
	OPT_FORCE
};

static const struct argp_option option_list[] = {
        {"output", 'o', "DIR", 0, "put the files here (default: collateral)", 0},
        {"fmspc", OPT_FMSPC, "HEX", 0, "the platform, when there is no quote of it", 0},
        {"ca", OPT_CA, "platform|processor", 0, "who issued its certificates (with --fmspc)", 0},
        {"tee", OPT_TEE, "tdx|sgx", 0, "of which quotes (with --fmspc; default: tdx)", 0},
        {"update", OPT_UPDATE, "early|standard", 0,
         "which of Intel's two sets: after a TCB recovery at once, or a year later", 0},
        {"evaluation", OPT_EVALUATION, "N|all", 0,
         "instead, the set of this evaluation number; all: of each that the service lists", 0},
        {"url", OPT_URL, "URL", 0, "a PCCS instead of Intel's service", 0},
        {"root-crl-url", OPT_ROOT_CRL, "URL", 0, "where the root CA's CRL is", 0},
        {"cacert", OPT_CACERT, "FILE", 0, "check the server with these certificates", 0},
        {"insecure", OPT_INSECURE, NULL, 0, "do not check the server", 0},
        {"force", OPT_FORCE, NULL, 0, "fetch what was fetched today already", 0},
        {0},
};

static const char *const tees[] = {"tdx", "sgx"};
static const char *const updates[] = {"early", "standard"};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'o':
		o->request.dir = arg;
		return 0;
	case OPT_FMSPC:
		o->fmspc = arg;
		return 0;
	case OPT_CA:
		if (strcmp(arg, "platform") != 0 && strcmp(arg, "processor") != 0)
			argp_error(state, "no CA '%.20s'", arg);
		o->ca = arg;
		return 0;
	case OPT_TEE:
		o->tee = arg;
		o->request.sgx = OPTIONS_CHOICE(state, "--tee", arg, tees) == 1;
		return 0;
	case OPT_UPDATE:
		o->request.update = OPTIONS_CHOICE(state, "--update", arg, updates) == 0
		                            ? FETCH_EARLY
		                            : FETCH_STANDARD;
		o->sets++;
		return 0;
	case OPT_EVALUATION:
		o->sets++;
		o->request.update = FETCH_ALL;
		if (strcmp(arg, "all") == 0)
			return 0;
		o->request.update = FETCH_NUMBER;
		o->request.evaluation = options_number(state, "--evaluation", arg, UINT16_MAX);
		return 0;
	case OPT_URL:
		o->request.url = arg;
		return 0;
	case OPT_ROOT_CRL:
		o->request.root_crl_url = arg;
		return 0;
	case OPT_CACERT:
		o->request.http.ca_file = arg;
		return 0;
	case OPT_INSECURE:
		o->request.http.insecure = true;
		return 0;
	case OPT_FORCE:
		o->request.force = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->quote)
			argp_error(state, "one quote only");
		o->quote = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->quote == !o->fmspc)
			argp_error(state, "either a quote or --fmspc");
		if (o->quote && (o->tee || o->ca))
			argp_error(state, "--tee and --ca are for --fmspc: a quote says it itself");
		if (o->sets > 1)
			argp_error(state, "one --update or --evaluation");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Which platform, by its quote: nothing is verified here, the answers will be. */
static int platform_of_quote(const char *path, struct fetch_request *q, struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	struct format_fault fault;
	struct platform p;
	struct quote quote;
	int r;

	if ((r = input_quote(path, &in, &quote, &fault, e)) < 0 ||
	    (r = platform_read(&quote, &p, e)) < 0)
		return r;
	memcpy(q->fmspc, p.pck.fmspc, sizeof(q->fmspc));
	q->sgx = quote.tee_type == QUOTE_TEE_SGX;
	q->platform_ca = strstr(p.cert[0].issuer, "Platform") != NULL;
	return 0;
}

static int platform_of_options(const struct options *o, struct fetch_request *q, struct err *e)
{
	size_t n;

	if (strlen(o->fmspc) != 12 || hex_decode(o->fmspc, 12, q->fmspc, &n) != FORMAT_OK)
		return err_set(e, -EINVAL, "--fmspc: not 12 hex digits");
	q->platform_ca = !o->ca || strcmp(o->ca, "platform") == 0;
	return 0;
}

static void say(const char *line, void *userdata)
{
	(void)userdata;
	puts(line);
}

int cmd_quote_fetch(int argc, char **argv)
{
	static const struct argp argp = {
	        .options = option_list,
	        .parser = parse_option,
	        .args_doc = "[QUOTE]",
	        .doc = "Fetches the collateral of a quote's platform into a folder for quote "
	               "verify: TCB info, the quoting enclave's identity, both CRLs; for a quote "
	               "of "
	               "SGX those of SGX.",
	};
	struct options o = {.request = {.dir = "collateral", .said = say}};
	struct err e = {0};
	int r;

	options_parse(&argp, argc, argv, 0, &o);
	r = o.quote ? platform_of_quote(o.quote, &o.request, &e)
	            : platform_of_options(&o, &o.request, &e);
	if (r < 0)
		return cmd_failed(EXIT_USAGE, &e);
	r = fetch_collateral(&o.request, &e);
	return r == 0 ? EXIT_OK : cmd_failed(r == -EINVAL ? EXIT_USAGE : EXIT_BROKEN, &e);
}
