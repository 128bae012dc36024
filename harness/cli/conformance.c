/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/judged.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "report/conformance.h"

#define REPORT_BYTES_MAX (4u << 20)

struct options {
	const char *path[2];
	const char *cell;
	bool json;
};

/* ---- reading ---- */
static int read_run(const char *dir, const char *cell, json_t **ret, struct err *e)
{
	_cleanup_(judged_done) struct judged j = {0};
	const struct cell_verdict *found = NULL;
	int r = judged_load(dir, FRAMES_ALL, &j, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < j.verdict.cells && r == 0; i++) {
		const struct cell_verdict *v = &j.verdict.cell[i];
		const char *last = strrchr(v->id, '/');

		if (cell ? strcmp(v->id, cell) != 0 : !last || strcmp(last, "/conformance") != 0)
			continue;
		if (found)
			r = err_set(e, -EINVAL, "%s: several cells ran it: name one with --cell",
			            dir);
		found = v;
	}
	if (r == 0 && !found)
		r = err_set(e, -ENOENT, "%s: no cell %s", dir,
		            cell ? cell : "that ends in /conformance");
	return r == 0 ? conformance_of_cell(found, ret, e) : r;
}

static int read_file(const char *path, json_t **ret, struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	json_auto_t *report = NULL, *rows = json_object();
	int r = input_read(path, REPORT_BYTES_MAX, &in, e);

	if (r < 0)
		return r;
	report = json_loadb((const char *)in.data, in.size, 0, NULL);
	r = conformance_read(report, rows, e);
	if (r < 0)
		return err_prefix(e, "%s", path);
	*ret = json_incref(rows);
	return 0;
}

static int read_either(const char *path, const char *cell, json_t **ret, struct err *e)
{
	return input_is_dir(path) ? read_run(path, cell, ret, e) : read_file(path, ret, e);
}

/* ---- one report ---- */
static int print_one(json_t *rows, bool json, struct err *e)
{
	const char *name;
	bool failed = false;
	json_t *row;

	json_object_foreach(rows, name, row)
	{
		const char *state = member_text(row, "state");

		failed |= strcmp(state, "fail") == 0;
		if (!json)
			printf("%-7s %-20s %s\n", state, name, member_text(row, "saw"));
	}
	if (json && json_print(json_pack("{s:i, s:b, s:O}", "schema_version", 1, "fails", failed,
	                                 "rows", rows)) < 0)
		return err_nomem(e);
	return failed ? EXIT_DIFFERS : EXIT_OK;
}

/* ---- two ---- */
static const char *state_of(const json_t *pair, const char *side)
{
	return member_text(json_object_get(pair, side), "state") ?: "-";
}

static const char *saw_of(const json_t *pair, const char *side)
{
	return member_text(json_object_get(pair, side), "saw") ?: "no such row";
}

static void print_pairs(const json_t *pairs, size_t differing)
{
	const json_t *pair;
	size_t i, unlike = 0;

	json_array_foreach(pairs, i, pair)
	{
		const json_t *same = json_object_get(pair, "same");

		unlike += json_is_null(same);
		if (json_is_true(same) || strcmp(state_of(pair, "a"), state_of(pair, "b")) == 0)
			continue;
		printf("%s: %s -> %s (%s -> %s)\n", member_text(pair, "name"), state_of(pair, "a"),
		       state_of(pair, "b"), saw_of(pair, "a"), saw_of(pair, "b"));
	}
	printf("%zu rows: %zu differ, %zu the same, %zu not looked at on both machines\n",
	       json_array_size(pairs), differing, json_array_size(pairs) - differing - unlike,
	       unlike);
}

static int print_two(const json_t *a, const json_t *b, bool json, struct err *e)
{
	json_auto_t *pairs = conformance_compare(a, b);
	size_t differing = 0;

	if (!pairs)
		return err_nomem(e);
	for (size_t i = 0; i < json_array_size(pairs); i++)
		differing += json_is_false(json_object_get(json_array_get(pairs, i), "same"));
	if (!json)
		print_pairs(pairs, differing);
	else if (json_print(json_pack("{s:i, s:b, s:O}", "schema_version", 1, "differs",
	                              differing > 0, "rows", pairs)) < 0)
		return err_nomem(e);
	return differing ? EXIT_DIFFERS : EXIT_OK;
}

int cmd_conformance(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_TEXT(cell, "cell", "CELL", "the cell of a run that has several"),
	        OPTION_JSON,
	        {0},
	};
	static const struct options_of options = {
	        .about = "What the conformance program said of a trust domain, row by row; of two, "
	                 "where they differ: an emulated one and a machine's. REPORT is what "
	                 "'conformance --json' printed there, or the folder of a run.",
	        .usage = "REPORT [REPORT]",
	        .operand = OPTION_MEMBER(const char *, path[0]),
	        .operands = 2,
	        .missing = "no report, and no folder of a run",
	        .rows = rows,
	};
	struct options o = {0};
	json_auto_t *a = NULL, *b = NULL;
	struct err e;
	int r;

	options_parse(&options, argc, argv, &o);
	r = read_either(o.path[0], o.cell, &a, &e);
	if (r == 0 && o.path[1])
		r = read_either(o.path[1], o.cell, &b, &e);
	if (r == 0)
		r = b ? print_two(a, b, o.json, &e) : print_one(a, o.json, &e);
	return r < 0 ? cmd_failed(r == -EINVAL ? EXIT_USAGE : EXIT_BROKEN, &e) : r;
}
