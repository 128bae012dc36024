/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <time.h>

#include "judge/verdict.h"

/*
 * Compares what was seen at the innermost layer with what the case expects, in both directions, and
 * fills outcome (pass, fail or xfail) and reason. `at` decides whether a waiver has expired.
 */
void expect_compare(const struct test_case *test, struct cell_verdict *v, time_t at);

/* One line on a layer: why it was not entered, the false rung that the expected grade (or the one
 * above the layer's) lacks, or that all held. */
void layer_summary(const struct test_case *test, const struct layer_verdict *l, char *out,
                   size_t size);
