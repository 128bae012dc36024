/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/td.h"

struct options {
	struct td_wish wish;
	struct td_files files;
	const char *running;
};

static char *const shell[] = {"bash", "--rcfile", "/run/tception/bashrc", "-i", NULL};
static char *const plain_shell[] = {"sh", "-i", NULL}; /* somebody's own root may have no bash */

static int own_shell(const struct options *o, struct err *e)
{
	struct td_spec s;
	int owner, r = td_check_files(&o->files, e);

	if (r == 0)
		r = td_start(&o->wish, &s, &owner, e);
	if (r < 0)
		return r;
	fprintf(stderr, "tception: 'exit' ends it, Ctrl-] hangs up\n");
	r = td_work(&s.place, &o->files, o->wish.root || o->wish.image ? plain_shell : shell,
	            isatty(STDIN_FILENO), e);
	close(owner);
	td_launch_wait();
	td_unmake(&s);
	return r;
}

static int join(const struct options *o, struct err *e)
{
	struct place p;
	int r = place_find(o->running, &p, e);

	if (r < 0)
		return r;
	r = td_work(&p, &o->files, shell, isatty(STDIN_FILENO), e);
	place_done(&p);
	return r;
}

int cmd_td_shell(int argc, char **argv)
{
	static const struct option_row rows[] = {OPTIONS_OF_A_TD, OPTIONS_OF_FILES, {0}};
	static const struct options_of options = {
	        .about = "A shell of root in a trust domain: in one that runs, or in one that is "
	                 "booted for it and ends with it. The prompt says EMULATED.",
	        .usage = "[TD]",
	        .operand = OPTION_MEMBER(const char *, running),
	        .operands = 1,
	        .rows = rows,
	};
	struct options o = {0};
	struct err e = {0};
	int r;

	options_parse(&options, argc, argv, &o);
	r = o.running ? join(&o, &e) : own_shell(&o, &e);
	return td_exit(r, &e);
}
