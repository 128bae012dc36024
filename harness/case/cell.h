/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "format/kinds.h"

/*
 * A cell is a stack of layers, outermost first, written as its ID:
 * `layer[.mode][+grant...][@axis=value...]`, joined by `/`: `td@mem=2048/docker.rootless+dev+tsm`.
 * Parsing and printing round-trip: grants and axes keep the order in which they were written.
 * The words are those of format/kinds.def.
 */
#define CELL_LAYERS_MAX 6
#define LAYER_WORD_MAX  32  /* bytes of one word, with the NUL */
#define CELL_ID_MAX     256 /* bytes of a whole ID, with the NUL */

struct cell {
	size_t layers; /* >= 1; the first is an outermost kind, no other is */
	struct layer layer[CELL_LAYERS_MAX];
};

/* -EINVAL with the column and what was expected. Known kinds, modes, grants and axes only. */
int cell_parse(const char *id, struct cell *ret, struct err *e);

/* The ID of the first `depth` layers (1 .. cell->layers). */
void cell_print(const struct cell *cell, size_t depth, char out[CELL_ID_MAX]);

/* An order of stacks, however they are written: < 0, 0 where both are the same, > 0. */
int cell_compare(const struct cell *a, const struct cell *b);
bool cell_same(const struct cell *a, const struct cell *b);
