/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/groups.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOOT_WEIGHT 8 /* cells that take about as long as one boot, by emulation */

static bool wants_own_boot(const struct test_case *c)
{
	for (size_t i = 0; i < c->cell.layers; i++) {
		if (c->cell.layer[i].kind->alone)
			return true;
	}
	return c->isolate;
}

/* The group that this case may join: same layer 0, neither of them isolated. */
static struct group *find_group(struct groups *g, const struct case_file *cases,
                                const struct test_case *c, const char *layer0_id)
{
	for (size_t i = 0; i < g->count && !wants_own_boot(c); i++) {
		if (strcmp(g->item[i].layer0_id, layer0_id) == 0 &&
		    !wants_own_boot(&cases->item[g->item[i].first]))
			return &g->item[i];
	}
	return NULL;
}

static void add_case(struct groups *g, const struct case_file *cases, size_t index)
{
	const struct test_case *c = &cases->item[index];
	char layer0_id[CELL_ID_MAX];
	struct group *group;

	cell_print(&c->cell, 1, layer0_id);
	group = find_group(g, cases, c, layer0_id);
	if (!group) {
		group = &g->item[g->count];
		*group = (struct group){.first = index, .number = 1};
		memcpy(group->layer0_id, layer0_id, sizeof(layer0_id));
		for (size_t i = 0; i < g->count; i++)
			group->number += cases->item[g->item[i].first].cell.layer[0].kind ==
			                 c->cell.layer[0].kind;
		g->count++;
	}
	group->cells++;
	g->of_case[index] = (size_t)(group - g->item);
}

/* The heaviest that has no shard yet, the first of those. */
static struct group *next_group(struct groups *g)
{
	struct group *next = NULL;

	for (size_t i = 0; i < g->count; i++) {
		if (g->item[i].shard == 0 && (!next || g->item[i].cells > next->cells))
			next = &g->item[i];
	}
	return next;
}

/* Each to the shard that has least so far. */
static int deal(struct groups *g, unsigned shards, struct err *e)
{
	size_t *load = calloc(shards, sizeof(*load));
	struct group *group;

	if (!load)
		return err_nomem(e);
	while ((group = next_group(g))) {
		unsigned least = 0;

		for (unsigned i = 1; i < shards; i++) {
			if (load[i] < load[least])
				least = i;
		}
		load[least] += BOOT_WEIGHT + group->cells;
		group->shard = least + 1;
	}
	free(load);
	return 0;
}

static bool is_asked_for(const struct test_case *c, const struct plan_options *o)
{
	return (!o->only || fnmatch(o->only, c->id, 0) == 0) && (!o->tag || case_has_tag(c, o->tag));
}

int groups_make(const struct case_file *cases, const struct plan_options *options,
                struct groups *ret, struct err *e)
{
	bool any = false;
	struct groups g = {.item = calloc(cases->count + 1, sizeof(*g.item)),
	                   .of_case = calloc(cases->count + 1, sizeof(*g.of_case))};
	int r = g.item && g.of_case ? 0 : err_nomem(e);

	for (size_t i = 0; i < cases->count && r == 0; i++) {
		g.of_case[i] = GROUP_NONE;
		if (!is_asked_for(&cases->item[i], options))
			continue;
		any = true;
		if (!options->chosen || options->chosen[i])
			add_case(&g, cases, i);
	}
	if (r == 0 && !any)
		r = err_set(e, -EINVAL, "%s: no cell '%s'%s%s; 'tception list' shows them",
		            cases->path, options->only ?: "*", options->tag ? " of tag " : "",
		            options->tag ?: "");
	if (r == 0)
		r = deal(&g, options->shards ?: 1, e);
	if (r < 0)
		groups_done(&g);
	else
		*ret = g;
	return r;
}

void groups_done(struct groups *g)
{
	free(g->item);
	free(g->of_case);
	*g = (struct groups){0};
}
