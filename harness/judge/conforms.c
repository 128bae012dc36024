/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/weigh.h"

#include <stdio.h>
#include <string.h>

#include "core/escape.h"
#include "judge/frames.h"

struct count {
	size_t passed, failed, skipped, unknown;
	char names[160]; /* of the rows that failed: ", a, b" */
	size_t used;
};

static void add_name(struct count *c, const char *name)
{
	char text[48];
	int n;

	text_escape(text, sizeof(text), name);
	n = snprintf(c->names + c->used, sizeof(c->names) - c->used, ", %s", text);
	if (c->used + (size_t)n < sizeof(c->names))
		c->used += (size_t)n;
	else /* no room for this name: the number tells how many there are */
		c->names[c->used] = '\0';
}

static void add_row(struct count *c, const json_t *row)
{
	const char *name = member_text(row, "name"), *state = member_text(row, "state");

	if (!name || !state) {
		c->unknown++;
	} else if (strcmp(state, "pass") == 0) {
		c->passed++;
	} else if (strcmp(state, "skip") == 0) {
		c->skipped++;
	} else if (strcmp(state, "fail") == 0) {
		c->failed++;
		add_name(c, name);
	} else {
		c->unknown++;
	}
}

static void add_rows(struct count *c, const json_t *fact)
{
	const json_t *rows = json_object_get(json_object_get(fact, "report"), "rows");

	if (json_array_size(rows) == 0)
		c->unknown++;
	for (size_t i = 0; i < json_array_size(rows); i++)
		add_row(c, json_array_get(rows, i));
}

void conforms_weigh(const json_t *fact, const json_t *extend, struct rung_result *ret)
{
	const char *error = member_errno(fact, "errno");
	struct count c = {.passed = 0};

	if (!fact) {
		rung_set(ret, RUNG_NULL, "only a conformance layer is asked");
		return;
	}
	if (*error) {
		rung_set(ret, RUNG_FALSE, "the program could not be run");
		snprintf(ret->error, sizeof(ret->error), "%s", error);
		return;
	}
	add_rows(&c, fact);
	if (extend)
		add_rows(&c, extend);
	if (c.failed)
		rung_set(ret, RUNG_FALSE, "%zu of %zu rows fail: %s", c.failed,
		         c.failed + c.passed + c.skipped, c.names + strlen(", "));
	else if (c.unknown || !c.passed)
		rung_set(ret, RUNG_FALSE, "the program's report has no rows, or unknown ones");
	else
		rung_set(ret, RUNG_TRUE, "%zu rows pass, %zu had nothing to look at", c.passed,
		         c.skipped);
}
