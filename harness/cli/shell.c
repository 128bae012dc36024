/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "case/cell.h"
#include "cli/cmd.h"
#include "cli/td.h"
#include "core/argv.h"
#include "core/cleanup.h"
#include "run/visit.h"

#define LAYER_SECONDS 900 /* for layer 1 to be entered: nobody's verdict hangs on it */

struct options {
	struct td_wish wish;
	const char *in; /* a TD that runs */
	bool terminal;
	char **words; /* the cell, then a program */
};

/* What a terminal can be had in: a container, in whatever is one below it. */
static int check_cell(const struct cell *cell, const char *id, struct err *e)
{
	for (size_t i = 0; i < cell->layers; i++) {
		const struct layer *l = &cell->layer[i];

		if (l->kind->found)
			return err_set(
			        e, -EINVAL,
			        "%s: this machine is layer 0 already: enter the layers by hand",
			        id);
		if (i > 0 && l->kind->machine)
			return err_set(e, -EINVAL,
			               "%s: a terminal is to be had in containers: %s is a machine "
			               "of its own",
			               id, l->kind->name);
		if (l->kind == &kind_rows[KIND_CONFORMANCE] || layer_said(l, AXIS_AGENT))
			return err_set(e, -EINVAL, "%s: nobody can sit in such a layer", id);
	}
	return 0;
}

/* The VISIT that enters the layers, as `agent into` takes it. */
static int make_visit(const struct cell *cell, char **ret, struct err *e)
{
	_cleanup_(freep) char *frame = NULL;
	struct visit_record visit;
	json_t *o;
	int r = visit_plan(cell, cell->layers, &visit, e);

	if (r == 0)
		r = visit_frame(cell, &visit, 0, LAYER_SECONDS, &frame, e);
	if (r < 0)
		return r;
	o = json_loads(frame, 0, NULL);
	if (o)
		json_object_set_new(o, "terminal", json_true());
	*ret = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return *ret ? 0 : err_nomem(e);
}

static int enter(const struct options *o, const struct place *p, const struct cell *cell,
                 struct err *e)
{
	static const struct td_files no_files;
	_cleanup_(freep) char *visit = NULL;
	struct argv program = {0};
	char **word = o->words + 1;
	int r = make_visit(cell, &visit, e);

	if (r < 0)
		return r;
	argv_add(&program, "/proc/1/exe");
	argv_add(&program, "into");
	argv_add(&program, visit);
	if (*word && strcmp(*word, "--") == 0)
		word++;
	for (; *word; word++)
		argv_add(&program, *word);
	r = program.failed
	            ? err_nomem(e)
	            : td_work(p, &no_files, program.item,
	                      o->terminal || (program.count == 3 && isatty(STDIN_FILENO)), e);
	argv_done(&program);
	return r;
}

/* In a machine of its own, which ends with it. */
static int enter_new(struct options *o, const struct cell *cell, struct err *e)
{
	char layer0[CELL_ID_MAX];
	struct td_spec s;
	int owner, r;

	cell_print(cell, 1, layer0);
	o->wish.layer0 = layer0;
	r = td_start(&o->wish, &s, &owner, e);
	if (r < 0)
		return r;
	r = enter(o, &s.place, cell, e);
	close(owner);
	td_launch_wait();
	td_unmake(&s);
	return r;
}

static int enter_old(const struct options *o, const struct cell *cell, struct err *e)
{
	struct place p;
	int r = place_find(o->in, &p, e);

	if (r < 0)
		return r;
	r = enter(o, &p, cell, e);
	place_done(&p);
	return r;
}

int cmd_shell(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_TEXT(in, "in", "TD",
	                    "in a machine that runs, of those in 'tception td list'"),
	        OPTION_TTY,
	        OPTIONS_OF_A_PLATFORM,
	        {0},
	};
	static const struct options_of options = {
	        .about =
	                "Boots the machine of CELL, enters its layers as a run does, and gives a "
	                "terminal in the innermost one; or runs PROGRAM there. What it may do is "
	                "what the agent of a run may do there. All of it ends with it.\v"
	                "The layer has a shell and tools beside what a run puts there. Layers that "
	                "are containers only. Exit status: the program's; 125: a failure of our "
	                "own.",
	        .usage = "CELL [PROGRAM [ARG...]]",
	        .operand = OPTION_MEMBER(char **, words),
	        .operands = 1,
	        .rest = true,
	        .missing = "no CELL",
	        .rows = rows,
	};
	struct options o = {0};
	struct cell cell;
	struct err e = {0};
	int r;

	options_parse(&options, argc, argv, &o);
	r = cell_parse(o.words[0], &cell, &e);
	if (r == 0)
		r = check_cell(&cell, o.words[0], &e);
	if (r == 0)
		r = o.in ? enter_old(&o, &cell, &e) : enter_new(&o, &cell, &e);
	return td_exit(r, &e);
}
