/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/judged.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/install.h"
#include "core/json.h"
#include "core/terminal.h"
#include "core/time.h"
#include "record/bundle.h"
#include "record/stamp.h"
#include "report/history.h"

#define OPERANDS  1000
#define REASON_AT 115 /* column */

struct options {
	const char *operand[OPERANDS]; /* the cell, folders */
	const char *index;
	bool no_index, json;
};

struct history {
	const struct options *o;
	struct cell wanted;
	bool is_cell; /* else a pattern */
	struct history_index *index;
	struct history_row *row; /* those that were found */
	size_t rows, runs, bad;
};

/* ---- what is looked for ---- */

static bool is_wanted(const struct history *h, const char *id)
{
	struct cell other;

	if (fnmatch(h->o->operand[0], id, 0) == 0)
		return true;
	return h->is_cell && cell_parse(id, &other, NULL) == 0 && cell_same(&other, &h->wanted);
}

static int add(void *userdata, const struct history_row *row)
{
	struct history *h = userdata;
	struct history_row *more;

	if (!is_wanted(h, row->cell))
		return 0;
	more = reallocarray(h->row, h->rows + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	h->row = more;
	more[h->rows++] = *row;
	return 0;
}

/* By the index, or by what the run says when it is judged now. */
static int look_at_run(struct history *h, const char *path, struct err *e)
{
	_cleanup_(judged_done) struct judged j = {0};
	_cleanup_(freep) struct history_row *row = NULL;
	size_t rows = 0;
	char stamp[STAMP_SIZE], whole[PATH_MAX];
	bool known = h->index && realpath(path, whole) && stamp_of_run(whole, stamp) == 0;
	int r = known ? history_index_find(h->index, whole, stamp, add, h) : 0;

	h->runs++;
	if (r != 0)
		return r < 0 ? err_nomem(e) : 0;
	if (judged_load(path, FRAMES_NONE, &j, e) < 0) {
		fprintf(stderr, "tception: left out: %s\n", e->text);
		h->bad++;
		return 0;
	}
	r = history_of_run(&j.in, &j.verdict, &row, &rows, e);
	if (r == 0 && known)
		history_index_put(h->index, whole, stamp, row, rows);
	for (size_t i = 0; r == 0 && i < rows; i++)
		r = add(h, &row[i]) < 0 ? err_nomem(e) : 0;
	return r;
}

/* In a folder of runs is other, too: of files only those with a bundle's name are looked at. */
static bool is_run(const char *path, bool named)
{
	static const char bundle[] = ".tar.zst";
	size_t n = strlen(path);
	char record[PATH_MAX];

	if (bundle_is(path))
		return named || (n > strlen(bundle) && strcmp(path + n - strlen(bundle), bundle) == 0);
	return (path_join(record, path, "run.json", NULL) == 0 && access(record, F_OK) == 0);
}

/* A run, or a folder of runs. */
static int look_at(struct history *h, const char *path, struct err *e)
{
	struct dirent **entry = NULL;
	int n, r = 0;

	if (is_run(path, true))
		return look_at_run(h, path, e);
	n = scandir(path, &entry, NULL, alphasort);
	if (n < 0)
		return err_sys(e, -errno, "%s", path);
	for (int i = 0; i < n; i++) {
		char below[PATH_MAX];

		if (r == 0 && entry[i]->d_name[0] != '.' &&
		    path_join(below, path, entry[i]->d_name, NULL) == 0 && is_run(below, false))
			r = look_at_run(h, below, e);
		free(entry[i]);
	}
	free(entry);
	return r;
}

/* ---- what is printed ---- */

static int by_cell_and_time(const void *left, const void *right)
{
	const struct history_row *a = left, *b = right;
	int order = strcmp(a->cell, b->cell);

	if (order == 0)
		order = (a->started > b->started) - (a->started < b->started);
	return order ? order : strcmp(a->run, b->run);
}

static bool changed(const struct history_row *a, const struct history_row *b)
{
	return strcmp(a->outcome, b->outcome) != 0 || strcmp(a->grade, b->grade) != 0 ||
	       strcmp(a->kvm, b->kvm) != 0;
}

/* The rows of one cell; returns how many. */
static size_t print_cell(const struct history_row *row, size_t rows)
{
	size_t n = 0, passed = 0, changes = 0;
	char when[TIME_TEXT_SIZE];
	unsigned columns = terminal_columns();
	bool narrow = columns && columns < REASON_AT + 16;

	printf("%s\n", row->cell);
	for (; n < rows && strcmp(row[n].cell, row->cell) == 0; n++) {
		const struct history_row *r = &row[n];
		bool other = n > 0 && changed(&row[n - 1], r);

		time_text(r->started, when);
		printf(narrow ? "%c %s  %s\n    %s: %s: %s, kvm %s, %.1f s\n    %s"
		              : "%c %s  %-25s  %-8s  %-7s  %-20s  %-9s  %6.1f  %s",
		       other ? '*' : ' ', when, r->run, r->platform, r->outcome, r->grade, r->kvm,
		       r->seconds, r->retried ? "(retried) " : "");
		terminal_wrap(stdout, r->reason, narrow ? 4 : REASON_AT, columns);
		passed += strcmp(r->outcome, "pass") == 0;
		changes += other;
	}
	printf("  %zu of %zu pass; %zu change%s\n", passed, n, changes, changes == 1 ? "" : "s");
	return n;
}

static int print_json(const struct history *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->rows; i++) {
		const struct history_row *r = &h->row[i];

		json_array_append_new(
		        list, json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:f, s:b, s:s}", "cell",
		                        r->cell, "run", r->run, "started", (json_int_t)r->started,
		                        "platform", r->platform, "outcome", r->outcome, "grade",
		                        r->grade, "kvm", r->kvm, "seconds", r->seconds, "retried",
		                        r->retried, "reason", r->reason));
	}
	return json_print(list);
}

static int print(struct history *h, struct err *e)
{
	if (h->rows == 0)
		return err_set(e, -ENOENT,
		               "none of %zu runs has a cell '%s'; 'tception report RUN' shows a run's "
		               "cells", h->runs, h->o->operand[0]);
	qsort(h->row, h->rows, sizeof(*h->row), by_cell_and_time);
	if (h->o->json)
		return print_json(h) < 0 ? err_nomem(e) : 0;
	for (size_t i = 0; i < h->rows;) {
		if (i)
			putchar('\n');
		i += print_cell(h->row + i, h->rows - i);
	}
	return 0;
}

/* ---- all of it ---- */

static int usual_index(char path[static PATH_MAX], struct err *e)
{
	int r = install_cache_path(path, "history.sqlite", e);

	return r == -ENXIO ? err_set(e, -ENOENT, "no place for it: --index FILE, or set HOME") : r;
}

/* Without one all runs are judged: slower, and the same. */
static void open_index(struct history *h)
{
	char path[PATH_MAX];
	struct err e = {0};
	int r = 0;

	if (h->o->no_index)
		return;
	if (h->o->index)
		r = path_format(path, &e, "%s", h->o->index);
	else
		r = usual_index(path, &e);
	if (r == 0)
		r = history_index_open(path, &h->index, &e);
	if (r < 0)
		fprintf(stderr, "tception: without an index: %s\n", e.text);
}

static int look(struct history *h, struct err *e)
{
	const char *const *dir = h->o->operand + 1;
	int r = 0;

	h->is_cell = cell_parse(h->o->operand[0], &h->wanted, NULL) == 0;
	open_index(h);
	if (!*dir)
		r = look_at(h, "results", e);
	for (; r == 0 && dir < h->o->operand + OPERANDS && *dir; dir++)
		r = look_at(h, *dir, e);
	return r < 0 ? r : print(h, e);
}

int cmd_history(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_TEXT(index, "index", "FILE",
	                    "a SQLite file with what runs said when they were judged "
	                    "($XDG_CACHE_HOME/tception/history.sqlite)"),
	        OPTION_FLAG(no_index, "no-index", "judge all runs"),
	        OPTION_JSON,
	        {0},
	};
	static const struct options_of options = {
	        .about = "What became of a cell, or of those of a pattern ('td/docker*'), in all "
	                 "runs below DIR (results): each a run, a bundle or a folder of these; the "
	                 "oldest first, a star where the verdict is another than before.",
	        .usage = "CELL [DIR...]",
	        .operand = OPTION_MEMBER(const char *, operand[0]),
	        .operands = OPERANDS,
	        .missing = "no CELL",
	        .rows = rows,
	};
	static struct options o;
	struct history h = {.o = &o};
	struct err e;
	int r;

	options_parse(&options, argc, argv, &o);
	r = look(&h, &e);
	history_index_free(h.index);
	free(h.row);
	if (r < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	return h.bad ? EXIT_BROKEN : EXIT_OK;
}
