/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/err.h"

/*
 * Makes one run of its shards: `run` are `count` folders or bundles of 'tception run --shard', in any
 * order, `out` a folder that is not there yet. It begins with the first of them, and what they do
 * not have in common is told as "several". Cells of a shard that is missing were never run, and
 * count as broken. -EINVAL for what does not belong together: another case file or choice of cells,
 * another test root, a shard that is there twice. Nothing is left in `out` on failure.
 */
int merge_runs(const char *out, const char *const *run, size_t count, struct err *e);
