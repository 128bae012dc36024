/* SPDX-License-Identifier: Apache-2.0 */
#include "report/conformance.h"

#include <errno.h>
#include <string.h>

#include "core/enum.h"
#include "core/escape.h"
#include "core/json.h"
#include "judge/frames.h"

#define ROWS_MAX 1000

static const char *const state_names[] = {"pass", "fail", "skip", "timeout"};

static int read_row(const json_t *from, json_t *rows, struct err *e)
{
	const char *name = member_text(from, "name"), *state = member_text(from, "state");
	char key[64], saw[512];

	if (!name || !*name || !state || ENUM_FIND(state_names, state) < 0)
		return err_set(e, -EINVAL, "row %zu of the report has no name, or no known state",
		               json_object_size(rows) + 1);
	text_escape(key, sizeof(key), name);
	if (json_object_get(rows, key))
		return err_set(e, -EINVAL, "the report has row '%s' twice", key);
	text_escape(saw, sizeof(saw), member_text(from, "saw"));
	return json_object_set_new(rows, key, json_pack("{s:s, s:s}", "state", state, "saw", saw)) <
	                       0
	               ? err_nomem(e)
	               : 0;
}

int conformance_read(const json_t *report, json_t *rows, struct err *e)
{
	const char *program = member_text(report, "program");
	const json_t *list = json_object_get(report, "rows"), *row;
	size_t i;
	int r = 0;

	if (!program || strcmp(program, "conformance") != 0 ||
	    member_integer(report, "schema_version", 0) != 1)
		return err_set(e, -EINVAL, "no report of 'conformance --json'");
	if (json_array_size(list) == 0 || json_array_size(list) > ROWS_MAX)
		return err_set(e, -EINVAL, "a report without rows, or with more than %d", ROWS_MAX);
	json_array_foreach(list, i, row)
	{
		r = read_row(row, rows, e);
		if (r < 0)
			break;
	}
	return r;
}

static int read_fact(const json_t *fact, json_t *rows, struct err *e)
{
	const char *probe = member_text(fact, "probe");

	if (!probe || strncmp(probe, "conformance", strlen("conformance")) != 0)
		return 0;
	return conformance_read(json_object_get(fact, "report"), rows, e);
}

int conformance_of_cell(const struct cell_verdict *cell, json_t **ret, struct err *e)
{
	const struct layer_verdict *l = cell->layers ? &cell->layer[cell->layers - 1] : NULL;
	struct frame_cursor cursor = {.data = l ? l->frames : NULL, .size = l ? l->frames_size : 0};
	json_auto_t *rows = json_object();
	struct frame_view frame;
	int r = rows ? 0 : err_nomem(e);

	while (r == 0 && frames_next(&cursor, &frame)) {
		json_auto_t *o = frame.header.type == FRAME_FACT ? frame_json(&frame) : NULL;

		r = read_fact(o, rows, e);
	}
	if (r == 0 && json_object_size(rows) == 0)
		r = err_set(e, -ENOENT, "cell %s ran no conformance program", cell->id);
	if (r == 0)
		*ret = json_incref(rows);
	return r;
}

static json_t *same(const json_t *a, const json_t *b)
{
	const char *x = member_text(a, "state"), *y = member_text(b, "state");
	bool looked = x && y && (strcmp(x, "pass") == 0 || strcmp(x, "fail") == 0) &&
	              (strcmp(y, "pass") == 0 || strcmp(y, "fail") == 0);

	return looked ? json_boolean(strcmp(x, y) == 0) : json_null();
}

static void add_pair(json_t *list, const char *name, json_t *a, json_t *b)
{
	json_array_append_new(list, json_pack("{s:s, s:O?, s:O?, s:o}", "name", name, "a", a, "b",
	                                      b, "same", same(a, b)));
}

json_t *conformance_compare(const json_t *a, const json_t *b)
{
	json_t *list = json_array(), *row;
	const char *name;
	size_t count = 0;

	json_object_foreach((json_t *)a, name, row)
	{
		add_pair(list, name, row, json_object_get(b, name));
		count++;
	}
	json_object_foreach((json_t *)b, name, row)
	{
		if (json_object_get(a, name))
			continue;
		add_pair(list, name, NULL, row);
		count++;
	}
	if (json_array_size(list) == count)
		return list;
	json_decref(list);
	return NULL;
}
