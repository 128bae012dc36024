/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "cli/judged.h"
#include "cli/options_run.h"
#include "report/compare.h"

#define RUNS_MAX 64

struct options {
	const char *dir[RUNS_MAX];
	size_t runs;
	struct format_option format;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->format;
		return 0;
	case ARGP_KEY_ARG:
		if (o->runs == RUNS_MAX)
			argp_error(state, "at most %d runs", RUNS_MAX);
		o->dir[o->runs++] = argument;
		return 0;
	case ARGP_KEY_END:
		if (o->runs == 0)
			argp_error(state, "the folder of a run is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int compare_runs(struct judged *j, const struct options *o, struct err *e)
{
	struct compare_run run[RUNS_MAX];
	struct compare c;
	int r;

	for (size_t i = 0; i < o->runs; i++)
		run[i] = (struct compare_run){&j[i].in, &j[i].verdict};
	r = compare_make(run, o->runs, &c, e);
	if (r == 0) {
		r = compare_write(o->format.format, &c, stdout, e);
		compare_done(&c);
	}
	return r;
}

int cmd_compare(int argc, char **argv)
{
	static const struct argp_child children[] = {{&options_format, 0, NULL, 0}, {0}};
	static const struct argp argp = {
	        .parser = parse_option,
	        .children = children,
	        .args_doc = "DIR [DIR...]",
	        .doc = "Containers beside nested VMs, in a plain VM and in a trust domain: whether "
	               "each kind of "
	               "layer attests, with which grants, what isolation it gives in return and "
	               "what it "
	               "costs. Evidence is judged again; nothing is written.",
	};
	struct options o = {.format = {.made = FORMATS_ALL & ~(1u << REPORT_JUNIT)}};
	struct judged *j;
	size_t loaded = 0;
	struct err e;
	int r = 0;

	options_parse(&argp, argc, argv, 0, &o);
	j = calloc(o.runs, sizeof(*j));
	if (!j)
		r = err_nomem(&e);
	while (r == 0 && loaded < o.runs) {
		r = judged_load(o.dir[loaded], &j[loaded], &e);
		loaded += r == 0;
	}
	if (r == 0)
		r = compare_runs(j, &o, &e);
	while (loaded)
		judged_done(&j[--loaded]);
	free(j);
	return r < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_OK;
}
