/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "trust/verify.h"

/*
 * Gives `v` the collateral at `path`: a file, or the files of a folder, which may hold other things
 * beside it: they are named on standard error and left out. -ENOENT when nothing was taken. Where `run_dir` is not NULL, the files
 * that were taken are also kept in that run's folder.
 */
int collateral_take(const char *path, struct verifier *v, const char *run_dir, struct err *e);

/* Keeps collateral in a run's folder; `path` as above. */
int collateral_keep(const char *path, const char *run_dir, struct err *e);
