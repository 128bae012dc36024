/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/collateral.h"
#include "cli/judged.h"
#include "report/report.h"

struct options {
	const char *dir, *collateral;
	bool json;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'j':
		o->json = true;
		return 0;
	case 'c':
		o->collateral = argument;
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
	static const struct argp_option list[] = {
	        {"collateral", 'c', "DIR|FILE", 0,
	         "also judge the platforms' TCB by this collateral, and keep it with the run", 0},
	        {"json", 'j', NULL, 0, "print result.json instead of the table", 0},
	        {0},
	};
	static const struct argp argp = {
	        .options = list,
	        .parser = parse_option,
	        .args_doc = "DIR",
	        .doc = "Judges the evidence in a run's folder again and rewrites result.json.",
	};
	struct options o = {0};
	struct judged j;
	struct err e;
	int r, code;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if ((o.collateral && collateral_keep(o.collateral, o.dir, &e) < 0) ||
	    judged_load(o.dir, &j, &e) < 0) {
		fprintf(stderr, "tception: %s\n", e.text);
		return EXIT_BROKEN;
	}
	r = judged_save(&j, &e);
	if (r == 0)
		r = report_write(o.json ? REPORT_JSON : REPORT_TABLE, &j.in, &j.verdict, stdout,
		                 &e);
	code = r < 0 ? EXIT_BROKEN : run_verdict_exit_code(&j.verdict);
	if (r < 0)
		fprintf(stderr, "tception: %s\n", e.text);
	judged_done(&j);
	return code;
}
