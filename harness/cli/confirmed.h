/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "cli/judged.h"
#include "core/err.h"

/*
 * The first run on this machine in which a hardware trust domain measured what was predicted: kept
 * as a file of the state folder that is named after the machine and holds the run's ID. Until there
 * is one, nothing says that predictions fit machines like this, and the rung "predicted" lowers no
 * grade (judge/weigh.h). `state_dir` NULL is the usual one.
 */

/* Its ID, or "" where there is none yet. */
int confirmed_load(const char *state_dir, char *ret, size_t size, struct err *e);

/* Where this run is the first, keeps it and says so. */
int confirmed_keep(const char *state_dir, const struct judged *j, struct err *e);
