/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/td.h"

struct options {
	struct td_files files;
	char **words; /* the TD, the program */
	bool terminal;
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	return o->words[1] ? 0 : err_set(e, -EINVAL, "no PROGRAM");
}

int cmd_td_exec(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTIONS_OF_FILES, OPTION_TTY, OPTION_WORK_JSON, {0}};
	static const struct options_of options = {
	        .about = "Runs PROGRAM in a trust domain that 'tception td up' has started, as "
	                 "'tception td run' does. Six at once.",
	        .usage = "TD PROGRAM [ARG...]",
	        .operand = OPTION_MEMBER(char **, words),
	        .operands = 1,
	        .rest = true,
	        .missing = "no TD and PROGRAM",
	        .check = check,
	        .rows = rows,
	};
	struct options o = {0};
	struct place p;
	struct err e = {0};
	char **program;
	int r;

	options_parse(&options, argc, argv, &o);
	program = o.words + 1;
	if (strcmp(program[0], "--") == 0 && program[1]) /* "TD -- PROGRAM" */
		program++;
	r = place_find(o.words[0], &p, &e);
	if (r < 0)
		return td_exit(r, &e);
	r = td_work(&p, &o.files, program, o.terminal, &e);
	place_done(&p);
	return td_exit(r, &e);
}
