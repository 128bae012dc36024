/* SPDX-License-Identifier: Apache-2.0 */
#include "report/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The cell a verdict is of. */
static const struct cell *cell_of(const struct compare_run *run, const struct cell_verdict *v)
{
	return &run->in->cases->item[v->case_index].cell;
}

static const struct layer_verdict *innermost(const struct cell_verdict *v)
{
	return &v->layer[v->layers - 1];
}

static size_t grant_count(const struct cell *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->layers; i++)
		n += c->layer[i].grants + c->layer[i].axes;
	return n;
}

/* What is given away beside evidence, as a search weighs it; a capability is a confinement less. */
static unsigned grant_weight(const struct cell *c)
{
	unsigned sum = 0;

	for (size_t i = 0; i < c->layers; i++) {
		const struct layer *l = &c->layer[i];
		enum word cap = layer_word(l, AXIS_CAP);

		for (size_t g = 0; g < l->grants; g++)
			sum += grant_rows[l->grant[g]].weight;
		if (cap != WORD_ABSENT && cap != WORD_CAP_NONE)
			sum += grant_rows[GRANT_NOSECCOMP].weight;
	}
	return sum;
}

static bool needs_less(const struct cell *a, const struct cell *b)
{
	unsigned x = grant_weight(a), y = grant_weight(b);

	return x != y ? x < y : grant_count(a) < grant_count(b);
}

/* Layer 0's release is in a row's name, and in nothing else: rows of two releases are side by side. */
static struct cell keep_axes(const struct cell *c, bool release)
{
	struct cell kept = *c;
	struct layer *l = &kept.layer[0];

	l->axes = 0;
	for (size_t i = 0; i < c->layer[0].axes; i++) {
		if ((c->layer[0].axis[i].axis == AXIS_RELEASE) == release)
			l->axis[l->axes++] = c->layer[0].axis[i];
	}
	return kept;
}

static void stack_print(const struct cell *c, char out[CELL_ID_MAX])
{
	struct cell bare = keep_axes(c, true);

	for (size_t i = 0; i < bare.layers; i++) {
		bare.layer[i].grants = 0;
		bare.layer[i].axes = i ? 0 : bare.layer[i].axes;
	}
	cell_print(&bare, bare.layers, out);
}

/* "+dev+tsm" of the innermost layer; those of others with the layer before them. */
static void grants_print_text(const struct cell *c, char out[CELL_ID_MAX])
{
	const struct cell rest = keep_axes(c, false);
	char value[AXIS_TEXT_MAX];
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < c->layers; i++) {
		const struct layer *l = &rest.layer[i];
		bool named = i + 1 < c->layers && l->grants + l->axes;

		/* Never longer than the cell's ID, of which it is a part. */
		used += (size_t)snprintf(out + used, CELL_ID_MAX - used, "%s",
		                         named ? l->kind->name : "");
		for (size_t g = 0; g < l->grants && used < CELL_ID_MAX; g++)
			used += (size_t)snprintf(out + used, CELL_ID_MAX - used, "+%s",
			                         grant_rows[l->grant[g]].name);
		for (size_t a = 0; a < l->axes && used < CELL_ID_MAX; a++)
			used += (size_t)snprintf(out + used, CELL_ID_MAX - used, "@%s=%s",
			                         axis_rows[l->axis[a].axis].name,
			                         axis_text(&l->axis[a], value));
		if (named && used < CELL_ID_MAX)
			used += (size_t)snprintf(out + used, CELL_ID_MAX - used, "/");
	}
}

static struct compare_row *find_row(struct compare *c, const char *stack)
{
	for (size_t i = 0; i < c->rows; i++) {
		if (strcmp(c->row[i].stack, stack) == 0)
			return &c->row[i];
	}
	return NULL;
}

static struct compare_row *need_row(struct compare *c, const struct cell *cell)
{
	char stack[CELL_ID_MAX];
	struct compare_row *row, *bigger;

	stack_print(cell, stack);
	row = find_row(c, stack);
	if (row)
		return row;
	bigger = realloc(c->row, (c->rows + 1) * sizeof(*row));
	if (!bigger)
		return NULL;
	c->row = bigger;
	row = &c->row[c->rows++];
	*row = (struct compare_row){.platform = PLATFORM_NONE};
	memcpy(row->stack, stack, sizeof(stack));
	return row;
}

/* A cell takes a place from one that needed heavier grants for it. */
static void offer_grants(struct compare_row *row, const struct cell_verdict *v,
                         const struct cell *cell, const struct cell *before[5])
{
	for (int g = GRADE_REPORT; g <= (int)innermost(v)->grade; g++) {
		if (before[g] && !needs_less(cell, before[g]))
			continue;
		before[g] = cell;
		row->grants[g].cell = v;
		grants_print_text(cell, row->grants[g].text);
	}
}

static bool is_better(const struct cell_verdict *a, const struct cell *ca,
                      const struct cell_verdict *b, const struct cell *cb)
{
	const struct layer_verdict *x = innermost(a), *y = innermost(b);

	if (x->entered != y->entered)
		return x->entered;
	if (x->grade != y->grade)
		return x->grade > y->grade;
	return needs_less(ca, cb);
}

static double cost_member(const struct layer_cost *c, int which)
{
	const double members[COST_COUNT] = {c->prepare_ms, c->ready_ms,   c->syscall_ns,
	                                    c->fault_ns,   c->memory_kib, c->disk_kib};

	return members[which];
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Every verdict that counts, with the row it belongs to. */
struct place {
	const struct compare_run *run;
	const struct cell_verdict *verdict;
	char stack[CELL_ID_MAX];
};

static void row_costs(struct compare_row *row, const struct place *place, size_t places,
                      double *scratch)
{
	for (int k = 0; k < COST_COUNT; k++) {
		size_t n = 0;

		for (size_t i = 0; i < places; i++) {
			if (strcmp(place[i].stack, row->stack) != 0)
				continue;
			scratch[n] = cost_member(&innermost(place[i].verdict)->cost, k);
			n += scratch[n] >= 0;
		}
		qsort(scratch, n, sizeof(*scratch), by_value);
		row->cost[k].count = n;
		row->cost[k].median = n ? (scratch[(n - 1) / 2] + scratch[n / 2]) / 2 : -1;
	}
}

static void row_fill(struct compare_row *row, const struct place *place, size_t places,
                     double *scratch)
{
	const struct cell *before[5] = {NULL}, *shown = NULL;

	for (size_t i = 0; i < places; i++) {
		const struct cell_verdict *v = place[i].verdict;
		const struct cell *cell = cell_of(place[i].run, v);

		if (strcmp(place[i].stack, row->stack) != 0)
			continue;
		row->cells++;
		row->entered += innermost(v)->entered;
		if (v->platform > row->platform)
			row->platform = v->platform;
		if (!shown || is_better(v, cell, row->shown, shown)) {
			row->shown = v;
			shown = cell;
		}
		offer_grants(row, v, cell, before);
	}
	row_costs(row, place, places, scratch);
}

/* Kinds in the order in which they first came; of one kind, `vm` first. */
static void sort_rows(struct compare *c)
{
	for (size_t i = 1; i < c->rows; i++) {
		struct compare_row row = c->row[i];
		size_t first = 0, at;

		while (first < i && strcmp(c->row[first].kind, row.kind) != 0)
			first++;
		for (at = first; at < i && strcmp(c->row[at].kind, row.kind) == 0 &&
		                 row.stack[0] <= c->row[at].stack[0];
		     at++)
			;
		memmove(&c->row[at + 1], &c->row[at], (i - at) * sizeof(row));
		c->row[at] = row;
		for (size_t k = at; k <= i;
		     k++) /* the rows have moved, and what points into them */
			c->row[k].kind = strchr(c->row[k].stack, '/')
			                         ? strchr(c->row[k].stack, '/') + 1
			                         : "";
	}
}

static int fill(struct compare *c, struct place *place, double *scratch, struct err *e)
{
	size_t places = 0;

	for (size_t r = 0; r < c->runs; r++) {
		const struct compare_run *run = &c->run[r];

		for (size_t b = 0; b < run->in->run->boots; b++)
			c->tcg |= !run->in->run->boot[b].boot.kvm;
		if (run->verdict->platform > c->platform)
			c->platform = run->verdict->platform;
		for (size_t i = 0; i < run->verdict->cells; i++) {
			const struct cell_verdict *v = &run->verdict->cell[i];

			if (v->layers == 0 || v->outcome == OUTCOME_BROKEN)
				continue;
			place[places].run = run;
			place[places].verdict = v;
			stack_print(cell_of(run, v), place[places].stack);
			if (!need_row(c, cell_of(run, v)))
				return err_nomem(e);
			places++;
		}
	}
	for (size_t i = 0; i < c->rows; i++) {
		const char *slash = strchr(c->row[i].stack, '/');

		c->row[i].kind = slash ? slash + 1 : "";
		row_fill(&c->row[i], place, places, scratch);
	}
	sort_rows(c);
	return 0;
}

int compare_make(const struct compare_run *run, size_t runs, struct compare *ret, struct err *e)
{
	struct compare c = {.run = run, .runs = runs, .platform = PLATFORM_NONE};
	size_t most = 1;
	int rc = -ENOMEM;

	for (size_t r = 0; r < runs; r++)
		most += run[r].verdict->cells;
	struct place *place = calloc(most, sizeof(*place));
	double *scratch = calloc(most, sizeof(*scratch));
	if (place && scratch)
		rc = fill(&c, place, scratch, e);
	else
		err_set(e, rc, "out of memory");
	free(place);
	free(scratch);
	if (rc < 0)
		compare_done(&c);
	else
		*ret = c;
	return rc;
}

void compare_done(struct compare *c)
{
	free(c->row);
	*c = (struct compare){0};
}
