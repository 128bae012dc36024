/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "case/case.h"

/*
 * The search for the smallest set of grants with which each rung of the ladder passes. Pure: it
 * says which sets to try, is told what came of them, and so on until it asks for nothing more.
 *
 * Sets are tried by rising size, of one size the lightest first. A set is only enlarged when it
 * showed something that none of its own parts showed, because most grants change nothing. What
 * such a search overlooks (two grants that show nothing alone and help together) is found from the
 * other end, unless something lighter passes already: the set of all grants is tried too, and the
 * lightest that passes is taken apart, one grant at a time, until each one left is needed.
 *
 * Smallest is the least sum of weights, then the fewest grants: a grant weighs what it gives away
 * beside evidence, so that a privileged container, which may do everything, is the last answer and
 * not the shortest.
 */
#define GRANTS_CANDIDATES_MAX GRANT_COUNT
#define GRANTS_ROUND          12 /* larger sets that are asked for at once, the lightest of all */

struct grant_trial {
	uint32_t set; /* bit i: candidate i is granted */
	bool known;   /* false: the trial broke, and says nothing */
	bool entered;
	int8_t ok[RUNG_COUNT]; /* 1, 0, or -1 where it was not evaluated */
	char error[RUNG_COUNT][LAYER_WORD_MAX];
};

struct grant_search {
	size_t candidates;                      /* 1 .. GRANTS_CANDIDATES_MAX */
	unsigned weight[GRANTS_CANDIDATES_MAX]; /* of each; 0 counts as 1 */
	/* Of several candidates, sets with this one and none of these are not tried on the way up; 0: any
	 * are. Alone each is tried, for a layer may have of itself what it needs. */
	uint32_t needs[GRANTS_CANDIDATES_MAX];
	unsigned size_max; /* larger sets are only come to by taking the whole one apart */
	enum rung goal;    /* the last rung that is looked for */
	struct grant_trial *trial;
	size_t trials;
};

void grant_search_done(struct grant_search *s);

/* The sets to try next, none twice; *ret_count is 0 at the end. Caller frees. -ENOMEM. */
int grant_search_next(const struct grant_search *s, uint32_t **ret_sets, size_t *ret_count);

/* What came of one set. -ENOMEM. */
int grant_search_add(struct grant_search *s, const struct grant_trial *t);

const struct grant_trial *grant_search_find(const struct grant_search *s, uint32_t set);
/* The trial with the lightest grants in which the rung passed, the first of those; or NULL. */
const struct grant_trial *grant_search_smallest(const struct grant_search *s, enum rung rung);
