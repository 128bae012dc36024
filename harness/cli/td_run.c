/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/td.h"

struct options {
	struct td_wish wish;
	struct td_files files;
	char **program;
	bool terminal;
};

int cmd_td_run(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTIONS_OF_A_TD, OPTIONS_OF_FILES, OPTION_TTY, OPTION_WORK_JSON, {0}};
	static const struct options_of options = {
	        .about =
	                "Boots a trust domain, runs PROGRAM there as root in /work with standard "
	                "input, output and error as here, and ends it.\v"
	                "The exit status is PROGRAM's, 128 and the signal's number when one killed "
	                "it, 127 when there is no such program, 126 when it can't be started; "
	                "2 usage, 125 when tception failed.",
	        .usage = "PROGRAM [ARG...]",
	        .operand = OPTION_MEMBER(char **, program),
	        .operands = 1,
	        .rest = true,
	        .missing = "no PROGRAM",
	        .rows = rows,
	};
	struct options o = {0};
	struct td_spec s;
	struct err e = {0};
	int owner, r;

	options_parse(&options, argc, argv, &o);
	r = td_check_files(&o.files, &e);
	if (r == 0)
		r = td_start(&o.wish, &s, &owner, &e);
	if (r < 0)
		return td_exit(r, &e);
	r = td_work(&s.place, &o.files, o.program, o.terminal, &e);
	close(owner);
	td_launch_wait();
	td_unmake(&s);
	return td_exit(r, &e);
}
