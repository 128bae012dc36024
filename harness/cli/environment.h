/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/differences.h"
#include "cli/judged.h"

/*
 * What else is not the same of two runs, and may be why their verdicts differ: the hosts, and of cells
 * that both have what was expected, what they ran on, and what their trust domains were made of.
 */
void environment_differences(struct differences *d, const struct judged *a, const struct judged *b);

/* The cell of that ID, and the boot of a cell; or NULL. */
const struct cell_verdict *run_find_cell(const struct run_verdict *v, const char *id);
/* What the boot of a cell was predicted to measure, or NULL. */
const struct prediction *run_prediction(const struct judged *j, const struct cell_verdict *v);
