/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/judged.h"
#include "cli/options_run.h"
#include "record/merge.h"

struct options {
	const char *dir[1 + SHARDS_MAX]; /* what is made, the shards */
	enum report_format format;
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	return o->dir[1] ? 0 : err_set(e, -EINVAL, "no RUN: which shards?");
}

int cmd_merge(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_FORMAT,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Makes one run, in the new folder OUT, of the shards that 'tception run "
	                 "--shard' made on several hosts, and judges it: what one host would have "
	                 "said. Cells of a shard that is missing are broken: never run.",
	        .usage = "OUT RUN...",
	        .operand = OPTION_MEMBER(const char *, dir[0]),
	        .operands = 1 + SHARDS_MAX,
	        .missing = "no OUT: which folder is to be made?",
	        .check = check,
	        .rows = rows,
	};
	static struct options o;
	size_t count = 0;
	struct err e;
	int r;

	options_parse(&options, argc, argv, &o);
	while (count < SHARDS_MAX && o.dir[1 + count])
		count++;
	r = merge_runs(o.dir[0], o.dir + 1, count, &e);
	if (r < 0)
		return cmd_failed(r == -EINVAL || r == -EEXIST ? EXIT_USAGE : EXIT_BROKEN, &e);
	r = judged_conclude(o.dir[0], o.format, true, &e);
	return r < 0 ? cmd_failed(EXIT_BROKEN, &e) : r;
}
