/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "case/case.h"
#include "core/err.h"
#include "plan/plan.h"

/*
 * Which of the chosen cells go together into one boot, and the boots to shards: by the case file and
 * the choice alone, so that all hosts of a fleet agree, whatever each of them can.
 */
struct group {
	size_t first; /* case of it, by the case file */
	char layer0_id[CELL_ID_MAX];
	unsigned number; /* among those of its kind of layer 0, from 1: of "td-1" */
	size_t cells;
	unsigned shard; /* from 1 */
};

struct groups {
	struct group *item;
	size_t count;
	size_t *of_case; /* each case's; GROUP_NONE: not chosen */
};
#define GROUP_NONE ((size_t)-1)

/* What is chosen by struct plan_options, into its shards (0: one), in which boots and cells are as equal
 * as can be. -EINVAL when no cell is there to choose. Free with groups_done(). */
int groups_make(const struct case_file *cases, const struct plan_options *options,
                struct groups *ret, struct err *e);
void groups_done(struct groups *g);
