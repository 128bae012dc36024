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
	int ca, tee; /* index of `cas` and `tees`, -1: not said */
	struct fetch_request request;
};

static const char *const tees[] = {"tdx", "sgx"};
static const char *const cas[] = {"platform", "processor"};

/* Of the two options that name a set only one, and once. */
static int take_set(struct fetch_request *q, enum fetch_update which, struct err *e)
{
	if (q->update != FETCH_DEFAULT)
		return err_set(e, -EINVAL, "one --update or --evaluation");
	q->update = which;
	return 0;
}

static int take_update(void *request, const char *value, struct err *e)
{
	static const char *const updates[] = {"early", "standard"};
	int n = options_choice("update", value, updates, COUNT_OF(updates), e);

	return n < 0 ? n : take_set(request, n == 0 ? FETCH_EARLY : FETCH_STANDARD, e);
}

static int take_evaluation(void *request, const char *value, struct err *e)
{
	struct fetch_request *q = request;
	int r = take_set(q, strcmp(value, "all") == 0 ? FETCH_ALL : FETCH_NUMBER, e);

	if (r < 0 || q->update == FETCH_ALL)
		return r;
	return options_number("evaluation", value, UINT16_MAX, &q->evaluation, e);
}

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	if (!o->quote == !o->fmspc)
		return err_set(e, -EINVAL, "either a quote or --fmspc");
	if (o->quote && (o->tee >= 0 || o->ca >= 0))
		return err_set(e, -EINVAL,
		               "--tee and --ca are for --fmspc: a quote says it itself");
	return 0;
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
	q->platform_ca = o->ca <= 0;
	q->sgx = o->tee == 1;
	return 0;
}

static void say(const char *line, void *userdata)
{
	(void)userdata;
	puts(line);
}

int cmd_quote_fetch(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_OUTPUT(request.dir, "put the files here (default: collateral)"),
	        OPTION_TEXT(fmspc, "fmspc", "HEX", "the platform, when there is no quote of it"),
	        OPTION_CHOICE(ca, "ca", "platform|processor", cas,
	                      "who issued its certificates (with --fmspc)"),
	        OPTION_CHOICE(tee, "tee", "tdx|sgx", tees,
	                      "of which quotes (with --fmspc; default: tdx)"),
	        OPTION_CALL(
	                request, take_update, "update", "early|standard",
	                "which of Intel's two sets: after a TCB recovery at once, or a year later"),
	        OPTION_CALL(request, take_evaluation, "evaluation", "N|all",
	                    "instead, the set of this evaluation number; all: of each that the "
	                    "service lists"),
	        OPTION_TEXT(request.url, "url", "URL", "a PCCS instead of Intel's service"),
	        OPTION_TEXT(request.root_crl_url, "root-crl-url", "URL",
	                    "where the root CA's CRL is"),
	        OPTION_TEXT(request.http.ca_file, "cacert", "FILE",
	                    "check the server with these certificates"),
	        OPTION_FLAG(request.http.insecure, "insecure", "do not check the server"),
	        OPTION_FLAG(request.force, "force", "fetch what was fetched today already"),
	        {0},
	};
	static const struct options_of options = {
	        .about = "Fetches the collateral of a quote's platform into a folder for quote "
	                 "verify: TCB info, the quoting enclave's identity, both CRLs; for a "
	                 "quote of SGX those of SGX.",
	        .usage = "[QUOTE]",
	        .operand = OPTION_MEMBER(const char *, quote),
	        .operands = 1,
	        .check = check,
	        .rows = rows,
	};
	struct options o = {.ca = -1, .tee = -1, .request = {.dir = "collateral", .said = say}};
	struct err e = {0};
	int r;

	options_parse(&options, argc, argv, &o);
	r = o.quote ? platform_of_quote(o.quote, &o.request, &e)
	            : platform_of_options(&o, &o.request, &e);
	if (r < 0)
		return cmd_failed(EXIT_USAGE, &e);
	r = fetch_collateral(&o.request, &e);
	return r == 0 ? EXIT_OK : cmd_failed(r == -EINVAL ? EXIT_USAGE : EXIT_BROKEN, &e);
}
