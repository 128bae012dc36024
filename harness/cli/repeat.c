/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/repeat.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/judged.h"
#include "core/cleanup.h"

static struct repeat_cell *cell_of(struct repeat *r, const char *id)
{
	struct repeat_cell *more;

	for (size_t i = 0; i < r->cells; i++) {
		if (strcmp(r->cell[i].id, id) == 0)
			return &r->cell[i];
	}
	more = reallocarray(r->cell, r->cells + 1, sizeof(*more));
	if (!more)
		return NULL;
	r->cell = more;
	more += r->cells++;
	*more = (struct repeat_cell){.retried = 0};
	snprintf(more->id, sizeof(more->id), "%s", id);
	return more;
}

int repeat_add(struct repeat *r, const char *dir, struct err *e)
{
	_cleanup_(judged_done) struct judged j = {0};
	int code = judged_load(dir, FRAMES_NONE, &j, e);

	if (code < 0)
		return code;
	r->runs++;
	for (size_t i = 0; i < j.verdict.cells; i++) {
		const struct cell_verdict *v = &j.verdict.cell[i];
		struct repeat_cell *c = cell_of(r, v->id);

		if (!c)
			return err_nomem(e);
		c->outcome[v->outcome]++;
		c->retried += v->retried;
	}
	return 0;
}

static bool is_flaky(const struct repeat_cell *c)
{
	unsigned kinds = 0;

	for (size_t i = 0; i < 5; i++)
		kinds += c->outcome[i] > 0;
	return kinds > 1 || c->retried;
}

void repeat_print(const struct repeat *r, FILE *out)
{
	int width = 4;

	for (size_t i = 0; i < r->cells; i++) {
		if ((int)strlen(r->cell[i].id) > width)
			width = (int)strlen(r->cell[i].id);
	}
	fprintf(out, "\n%u runs\n%-*s  %-9s\n", r->runs, width, "cell", "passed");
	for (size_t i = 0; i < r->cells; i++) {
		const struct repeat_cell *c = &r->cell[i];

		fprintf(out, "%-*s  %u of %u%s", width, c->id, c->outcome[OUTCOME_PASS], r->runs,
		        is_flaky(c) ? ", flaky" : "");
		for (size_t k = 0; k < 5; k++) {
			if (c->outcome[k] && k != OUTCOME_PASS)
				fprintf(out, ", %u %s", c->outcome[k], outcome_names[k]);
		}
		if (c->retried)
			fprintf(out, ", %u retried", c->retried);
		fputc('\n', out);
	}
}

void repeat_done(struct repeat *r)
{
	free(r->cell);
	*r = (struct repeat){.runs = 0};
}
