/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/reading.h"

/*
 * A case of many cells: `matrix`, whose `axes` are lists of words, each combination of which is put
 * for the $names in `cell`. `exclude` takes combinations out, each with its reason; `include` adds
 * some that the axes do not give.
 */
#define MATRIX_AXES_MAX  8
#define MATRIX_CELLS_MAX 10000

/* `excluded`: the reason, or NULL. 0 or -errno, which ends the rest. */
typedef int (*matrix_fn)(const char *cell, const char *excluded, void *userdata);
int matrix_read(const struct reading *r, const yaml_node_t *matrix, const yaml_node_t *cell,
                matrix_fn each, void *userdata);
