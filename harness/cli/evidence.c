/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/evidence.h"

#include <errno.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/input.h"
#include "core/cleanup.h"

enum { KEY_QUOTE = 256, KEY_TDREPORT };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct evidence_option *o = state->input;

	switch (key) {
	case KEY_QUOTE:
		o->quote = arg;
		return 0;
	case KEY_TDREPORT:
		o->tdreport = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->quote && o->tdreport)
			argp_error(state, "--quote or --tdreport, not both");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option list[] = {
        {"quote", KEY_QUOTE, "FILE", 0, "hold the registers against those of this quote", 0},
        {"tdreport", KEY_TDREPORT, "FILE", 0, "or against those of this TDREPORT", 0},
        {0},
};
const struct argp evidence_options = {.options = list, .parser = parse};

static int of_quote(const char *path, struct registers *ret, struct format_fault *ret_fault,
                    struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	struct quote q;
	int r = input_quote(path, &in, &q, ret_fault, e);

	if (r < 0)
		return r;
	if (q.body_type == QUOTE_BODY_SGX) {
		*ret_fault = (struct format_fault){FORMAT_BAD_TYPE, 4};
		return err_set(e, -EBADMSG, "%.200s: an SGX quote has no MRTD and RTMRs", path);
	}
	ret->source = "quote";
	memcpy(ret->mrtd, q.td.mrtd, sizeof(ret->mrtd));
	memcpy(ret->rtmr, q.td.rtmr, sizeof(ret->rtmr));
	return 0;
}

static int of_tdreport(const char *path, struct registers *ret, struct format_fault *ret_fault,
                       struct err *e)
{
	struct tdreport report;
	int r = input_tdreport(path, &report, ret_fault, e);

	if (r < 0)
		return r;
	ret->source = "TDREPORT";
	memcpy(ret->mrtd, report.td.mrtd, sizeof(ret->mrtd));
	memcpy(ret->rtmr, report.td.rtmr, sizeof(ret->rtmr));
	return 0;
}

int evidence_read(const struct evidence_option *o, struct registers *ret,
                  struct format_fault *ret_fault, struct err *e)
{
	*ret = (struct registers){0};
	if (o->quote)
		return of_quote(o->quote, ret, ret_fault, e);
	return o->tdreport ? of_tdreport(o->tdreport, ret, ret_fault, e) : 0;
}

int evidence_end(int r, bool json, const struct format_fault *fault, const struct err *e)
{
	if (r >= 0)
		return r;
	if (json && r == -EBADMSG)
		input_print_refusal(fault, e->text);
	return cmd_failed(r == -EBADMSG ? EXIT_DIFFERS : EXIT_USAGE, e);
}
