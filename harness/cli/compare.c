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
	enum report_format format;
};

static int check_format(const void *options, struct err *e)
{
	const struct options *o = options;

	return o->format >= REPORT_JUNIT
	               ? err_set(e, -EINVAL, "--format %s is not for this verb",
	                         report_format_names[o->format])
	               : 0;
}

static int compare_runs(struct judged *j, size_t runs, enum report_format format, struct err *e)
{
	struct compare_run run[RUNS_MAX];
	struct compare c;
	int r;

	for (size_t i = 0; i < runs; i++)
		run[i] = (struct compare_run){&j[i].in, &j[i].verdict};
	r = compare_make(run, runs, &c, e);
	if (r == 0) {
		r = compare_write(format, &c, stdout, e);
		compare_done(&c);
	}
	return r;
}

int cmd_compare(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_FORMAT,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Containers beside nested VMs, in a plain VM and in a trust domain: "
	                 "whether each kind of layer attests, with which grants, what isolation "
	                 "it gives in return and what it costs. Evidence is judged again; nothing "
	                 "is written.",
	        .usage = "RUN [RUN...]",
	        .operand = OPTION_MEMBER(const char *, dir[0]),
	        .operands = RUNS_MAX,
	        .missing = "the folder of a run is missing",
	        .check = check_format,
	        .rows = rows,
	};
	struct options o = {0};
	struct judged *j;
	size_t runs = 0, loaded = 0;
	struct err e;
	int r = 0;

	options_parse(&options, argc, argv, &o);
	while (runs < RUNS_MAX && o.dir[runs])
		runs++;
	j = calloc(runs, sizeof(*j));
	if (!j)
		r = err_nomem(&e);
	while (r == 0 && loaded < runs) {
		r = judged_load(o.dir[loaded], FRAMES_NONE, &j[loaded], &e);
		loaded += r == 0;
	}
	if (r == 0)
		r = compare_runs(j, runs, o.format, &e);
	while (loaded)
		judged_done(&j[--loaded]);
	free(j);
	return r < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_OK;
}
