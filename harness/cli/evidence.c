/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/evidence.h"

#include <errno.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/input.h"
#include "core/cleanup.h"

static int take(const char **path, const struct evidence_option *o, const char *value,
                struct err *e)
{
	if (path == &o->quote ? o->tdreport : o->quote)
		return err_set(e, -EINVAL, "--quote or --tdreport, not both");
	*path = value;
	return 0;
}

int evidence_take_quote(void *option, const char *value, struct err *e)
{
	struct evidence_option *o = option;

	return take(&o->quote, o, value, e);
}

int evidence_take_tdreport(void *option, const char *value, struct err *e)
{
	struct evidence_option *o = option;

	return take(&o->tdreport, o, value, e);
}

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

int evidence_verb(const struct options_of *verb, int argc, char **argv, void *options,
                  const bool *json, evidence_run run)
{
	struct format_fault fault = {0};
	struct err e;
	int r;

	options_parse(verb, argc, argv, options);
	r = run(options, &fault, &e);
	if (r >= 0)
		return r;
	if (*json && r == -EBADMSG)
		input_print_refusal(&fault, e.text);
	return cmd_failed(r == -EBADMSG ? EXIT_DIFFERS : EXIT_USAGE, &e);
}
