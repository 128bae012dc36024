/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/collateral.h"
#include "cli/judged.h"
#include "cli/options_run.h"
#include "report/report.h"

struct options {
	const char *dir, *collateral;
	struct format_option format;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->collateral;
		state->child_inputs[1] = &o->format;
		return 0;
	case ARGP_KEY_ARG:
		if (o->dir)
			argp_error(state, "one DIR is enough");
		o->dir = argument;
		return 0;
	case ARGP_KEY_END:
		if (!o->dir)
			argp_error(state, "the folder of a run is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cmd_judge(int argc, char **argv)
{
	static const struct argp_child children[] = {
	        {&options_collateral, 0, NULL, 0}, {&options_format, 0, NULL, 0}, {0}};
	static const struct argp argp = {
	        .parser = parse_option,
	        .children = children,
	        .args_doc = "DIR",
	        .doc = "Judges the evidence in a run's folder again and rewrites result.json.",
	};
	struct options o = {.format = {.made = FORMATS_ALL}};
	struct judged j;
	struct err e;
	int r, code;

	options_parse(&argp, argc, argv, 0, &o);
	if ((o.collateral && collateral_keep(o.collateral, o.dir, &e) < 0) ||
	    judged_load(o.dir, &j, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	r = judged_save(&j, &e);
	if (r == 0)
		r = report_write(o.format.format, &j.in, &j.verdict, stdout, &e);
	code = r < 0 ? cmd_failed(EXIT_BROKEN, &e) : run_verdict_exit_code(&j.verdict);
	judged_done(&j);
	return code;
}
