/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/differences.h"
#include "cli/environment.h"
#include "cli/judged.h"
#include "cli/options.h"
#include "cli/words.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "record/store.h"

struct options {
	const char *operand[2]; /* the run's folder, the cell */
	const char *out;
	bool print;
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	return o->operand[1] ? 0 : err_set(e, -EINVAL, "no CELL: which one of the run?");
}

/* However its ID is written. */
static const struct cell_verdict *find_cell(const struct judged *j, const char *id)
{
	struct cell wanted;

	if (cell_parse(id, &wanted, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < j->verdict.cells; i++) {
		const struct cell_verdict *v = &j->verdict.cell[i];

		if (cell_same(&j->cases.item[v->case_index].cell, &wanted))
			return v;
	}
	return NULL;
}

static int load(const char *dir, const char *id, struct judged *j, const struct cell_verdict **ret,
                struct err *e)
{
	int r = judged_load(dir, FRAMES_NONE, j, e);

	if (r < 0)
		return r;
	*ret = find_cell(j, id);
	return *ret ? 0
	            : err_set(e, -ENOENT,
	                      "%.200s has no cell '%.200s'; 'tception report' shows them", dir, id);
}

/* ---- what was run ---- */

static const struct boot_record *boot_of(const struct judged *j, const struct cell_verdict *v)
{
	for (size_t i = 0; v->boot_id && i < j->run.boots; i++) {
		if (strcmp(j->run.boot[i].boot.id, v->boot_id) == 0)
			return &j->run.boot[i];
	}
	return NULL;
}

static void print_command(const json_t *command)
{
	json_t *word;
	size_t i;

	json_array_foreach((json_t *)command, i, word)
	{
		if (i)
			putchar(' ');
		words_put(json_string_value(word), stdout);
	}
	putchar('\n');
}

/* QEMU's command on this host, then what each layer was started by in the one below. */
static void print_commands(const struct judged *j, const struct cell_verdict *v)
{
	const struct boot_record *b = boot_of(j, v);

	if (b && b->argv) {
		printf("# %s\n", v->layers ? v->layer[0].id : v->id);
		words_put_line(b->argv, stdout);
	}
	for (size_t i = 1; i < v->layers; i++) {
		if (!v->layer[i].command)
			continue;
		printf("# %s, in %s\n", v->layer[i].id, v->layer[i - 1].id);
		print_command(v->layer[i].command);
	}
}

/* ---- again ---- */

/* -o, or results/ and a name that no run has: from here, whatever folder the run is begun in. */
static int output_folder(const struct options *o, char out[static PATH_MAX], struct err *e)
{
	_cleanup_(freep) char *id = NULL;
	char here[PATH_MAX], record[PATH_MAX];
	int r = o->out ? 0 : store_run_id(&id, e);

	if (r < 0)
		return r;
	if (!getcwd(here, sizeof(here)))
		return err_sys(e, -errno, "the current folder");
	if (o->out && o->out[0] == '/')
		r = path_format(out, e, "%s", o->out);
	else
		r = path_format(out, e, "%s/%s%s", here, o->out ? "" : "results/", o->out ?: id);
	if (r == 0)
		r = path_join(record, out, "run.json", e);
	if (r == 0 && access(record, F_OK) == 0)
		r = err_set(e, -EEXIST, "%s holds a run already: name another folder", out);
	return r;
}

static int compare(const struct judged *before, const struct cell_verdict *v, const char *out,
                   struct err *e)
{
	_cleanup_(judged_done) struct judged after = {0};
	json_auto_t *list = json_array(), *others = json_array();
	struct differences d = {.list = list}, environment = {.list = others};
	const struct cell_verdict *again;
	int r = load(out, v->id, &after, &again, e);

	if (r < 0)
		return r;
	differences_cell(&d, v, again, true);
	printf("\n%s", d.count ? "" : "the same verdict\n");
	if (d.count)
		environment_differences(&environment, before, &after);
	r = differences_print(&d, &environment, false, e);
	if (r < 0)
		return r;
	if (again->outcome == OUTCOME_BROKEN)
		return EXIT_BROKEN;
	return d.count ? EXIT_DIFFERS : EXIT_OK;
}

static int replay(const struct options *o, struct err *e)
{
	_cleanup_(judged_done) struct judged before = {0};
	char name[] = "tception run", dir[PATH_MAX], out[PATH_MAX];
	const struct cell_verdict *v;
	int r = load(o->operand[0], o->operand[1], &before, &v, e);

	if (r == 0 && !realpath(o->operand[0], dir))
		r = err_sys(e, -errno, "%s", o->operand[0]);
	if (r == 0)
		r = output_folder(o, out, e);
	if (r < 0)
		return r;
	char *argv[] = {name,          (char *)"--like", dir, (char *)"--cell",
	                (char *)v->id, (char *)"-o",     out, NULL};
	char *shown[] = {(char *)"tception",
	                 (char *)"run",
	                 argv[1],
	                 argv[2],
	                 argv[3],
	                 argv[4],
	                 argv[5],
	                 argv[6],
	                 NULL};

	print_commands(&before, v);
	puts("# all of it again");
	words_put_line(shown, stdout);
	if (o->print)
		return EXIT_OK;
	fflush(stdout);
	r = cmd_run(COUNT_OF(argv) - 1, argv);
	return r == EXIT_USAGE ? r : compare(&before, v, out, e);
}

int cmd_replay(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_FLAG(print, "print", "only print the commands"),
	        OPTION_OUTPUT(out, "the new run's folder (default: results/<run>)"),
	        {0},
	};
	static const struct options_of options = {
	        .about = "Prints the commands that a cell of a run was made by, runs that cell "
	                 "again "
	                 "with the cases and options of the run, and compares the verdicts.\v"
	                 "It has a boot of its own, without the run's other cells. Environment "
	                 "variables are not kept with a run. Exit status: 0 the same verdict; 1 it "
	                 "differs; 2 usage; 3 the new one is broken, or could not be had.",
	        .usage = "DIR CELL",
	        .operand = OPTION_MEMBER(const char *, operand[0]),
	        .operands = 2,
	        .missing = "the folder of a run is missing",
	        .check = check,
	        .rows = rows,
	};
	struct options o = {0};
	struct err e = {0};
	int r;

	options_parse(&options, argc, argv, &o);
	r = replay(&o, &e);
	return r < 0 ? cmd_failed(EXIT_BROKEN, &e) : r;
}
