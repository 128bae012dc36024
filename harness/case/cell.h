/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_CASE_CELL_H
#define TCEPTION_CASE_CELL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

/*
 * A cell is a stack of layers, outermost first, written as its ID:
 * `layer[.mode][+grant...][@axis=value...]`, joined by `/`: `td@mem=2048/docker.rootless+dev+tsm`.
 * Parsing and printing round-trip: grants and axes keep the order in which they were written.
 */
#define CELL_LAYERS_MAX  6
#define LAYER_GRANTS_MAX 16
#define LAYER_AXES_MAX   8
#define LAYER_WORD_MAX   32  /* bytes of one word, with the NUL */
#define CELL_ID_MAX      256 /* bytes of a whole ID, with the NUL */

struct layer_axis {
	char name[LAYER_WORD_MAX];
	char value[LAYER_WORD_MAX];
};

struct layer {
	char kind[LAYER_WORD_MAX]; /* "td", "vm", "docker" ... */
	char mode[LAYER_WORD_MAX]; /* "privileged", "kvm" ... or "" */
	size_t grants;
	char grant[LAYER_GRANTS_MAX][LAYER_WORD_MAX]; /* "dev", "tsm", "noapparmor" ... */
	size_t axes;
	struct layer_axis axis[LAYER_AXES_MAX]; /* "mem" = "2048" ... */
};

struct cell {
	size_t layers; /* >= 1; layer[0] is "td" or "vm" */
	struct layer layer[CELL_LAYERS_MAX];
};

/* -EINVAL with the column and what was expected. Known kinds, modes, grants and axes only. */
int cell_parse(const char *id, struct cell *ret, struct err *e);

/* The ID of the first `depth` layers (1 .. cell->layers). */
void cell_print(const struct cell *cell, size_t depth, char out[CELL_ID_MAX]);

/* The grants that a layer of this kind may have, one by one; NULL past the last. */
const char *layer_known_grant(const struct layer *layer, size_t i);
bool layer_knows_grant(const struct layer *layer, const char *grant);

bool layer_has_grant(const struct layer *layer, const char *grant);
/* The axis' value, or `fallback`. */
const char *layer_axis(const struct layer *layer, const char *name, const char *fallback);

/* Whether the layer can write RTMRs, load modules or otherwise change the layers below it. */
bool layer_is_intrusive(const struct layer *layer);

#endif
