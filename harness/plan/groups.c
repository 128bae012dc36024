/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/groups.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"

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

static bool is_asked_for(const struct test_case *c, const char *pattern, const char *tag)
{
	return fnmatch(pattern, c->id, 0) == 0 && (!tag || case_has_tag(c, tag));
}

/* Which cases are asked for: each pattern has to have one. */
static int find_asked(const struct case_file *cases, const struct plan_options *o, bool *asked,
                      struct err *e)
{
	static const char *const all[] = {"*", NULL};

	for (const char *const *pattern = o->only ?: all; *pattern; pattern++) {
		bool any = false;

		for (size_t i = 0; i < cases->count; i++) {
			if (is_asked_for(&cases->item[i], *pattern, o->tag))
				any = asked[i] = true;
		}
		if (!any)
			return err_set(e, -EINVAL, "%s: no cell '%s'%s%s; 'tception list' shows them",
			               cases->path, *pattern, o->tag ? " of tag " : "",
			               o->tag ?: "");
	}
	return 0;
}

int groups_make(const struct case_file *cases, const struct plan_options *options,
                struct groups *ret, struct err *e)
{
	_cleanup_(freep) bool *asked = calloc(cases->count + 1, sizeof(*asked));
	struct groups g = {.item = calloc(cases->count + 1, sizeof(*g.item)),
	                   .of_case = calloc(cases->count + 1, sizeof(*g.of_case))};
	int r = asked && g.item && g.of_case ? 0 : err_nomem(e);

	if (r == 0)
		r = find_asked(cases, options, asked, e);

	for (size_t i = 0; i < cases->count && r == 0; i++) {
		g.of_case[i] = GROUP_NONE;
		if (asked[i] && (!options->chosen || options->chosen[i]))
			add_case(&g, cases, i);
	}
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
