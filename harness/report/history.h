/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "judge/judge.h"
#include "record/history.h"

/* Rows of a judged run, one a cell: *ret is to be freed. */
int history_of_run(const struct judge_input *in, const struct run_verdict *v,
                   struct history_row **ret, size_t *ret_rows, struct err *e);
