/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "core/err.h"
#include "judge/verdict.h"

/*
 * Reports of guests/conformance, one machine's beside another's. A machine's rows are an object in
 * the report's order: name -> {"state": "pass" | "fail" | "skip" | "timeout", "saw": text}; names
 * and texts are escaped.
 */

/* Adds the rows of a report as the program printed it. -EINVAL when it is none. */
int conformance_read(const json_t *report, json_t *rows, struct err *e);

/* The rows of a cell whose innermost layer ran the program; -ENOENT for other cells. */
int conformance_of_cell(const struct cell_verdict *cell, json_t **ret, struct err *e);

/*
 * Array of {"name", "a", "b", "same"}: `a`, `b` the rows, null where it has none; `same` whether
 * both pass or both fail, null where one of them had nothing to look at. NULL: no memory.
 */
json_t *conformance_compare(const json_t *a, const json_t *b);
