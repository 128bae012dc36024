/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "core/err.h"
#include "plan/grants.h"
#include "plan/plan.h"

/* A search for grants with its texts, and how it is shown. */
#define GRANTS_TRIALS_MAX 256

struct grants {
	struct cell cell; /* without the candidates */
	enum grant candidate[GRANTS_CANDIDATES_MAX];
	struct grant_search search;
	json_t *command[GRANTS_TRIALS_MAX]; /* what started the layer in each trial, or NULL */
	enum platform platform;
	unsigned rounds;
	double seconds;
};

void grants_done(struct grants *g);

/* Trials that broke and tell nothing: with any, the answers may not be the smallest. */
size_t grants_broken(const struct grants *g);

/* The cell with a set of the candidates granted to its innermost layer. */
struct cell grants_cell(const struct grants *g, uint32_t set);
void grants_cell_id(const struct grants *g, uint32_t set, char out[CELL_ID_MAX]);

void grants_print(const struct grants *g, FILE *out);
/* NULL: out of memory. */
json_t *grants_json(const struct grants *g);
