/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/judged.h"
#include "core/enum.h"
#include "report/report.h"

struct options {
	const char *dir;
	int format;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'f':
		o->format = ENUM_FIND(report_format_names, argument);
		if (o->format < 0)
			argp_error(state,
			           "unknown format '%.20s'; expected table, json, md or junit",
			           argument);
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

int cmd_report(int argc, char **argv)
{
	static const struct argp_option list[] = {
	        {"format", 'f', "FORMAT", 0, "table (default), json, md or junit", 0},
	        {0},
	};
	static const struct argp argp = {
	        .options = list,
	        .parser = parse_option,
	        .args_doc = "DIR",
	        .doc = "Prints a run, judged from its evidence. Nothing is written.",
	};
	struct options o = {.format = REPORT_TABLE};
	struct judged j;
	struct err e;
	int r;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	r = judged_load(o.dir, &j, &e);
	if (r == 0) {
		r = report_write((enum report_format)o.format, &j.in, &j.verdict, stdout, &e);
		judged_done(&j);
	}
	if (r < 0)
		fprintf(stderr, "tception: %s\n", e.text);
	return r < 0 ? EXIT_BROKEN : EXIT_OK;
}
