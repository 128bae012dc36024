/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "case/case.h"
#include "judge/verdict.h"

/* How the cells of several runs of one command ended: `run --repeat`. */
struct repeat_cell {
	char id[CELL_ID_MAX];
	unsigned outcome[5]; /* how many of each */
	unsigned retried;    /* how often an earlier boot broke in it */
};
struct repeat {
	struct repeat_cell *cell; /* in the order in which they were first seen */
	size_t cells;
	unsigned runs;
};

/* Counts the run in `dir`. Free with repeat_done(). */
int repeat_add(struct repeat *r, const char *dir, struct err *e);
/* A line a cell: how many of its runs passed, and whether it is flaky: not always the same, or retried. */
void repeat_print(const struct repeat *r, FILE *out);
void repeat_done(struct repeat *r);
