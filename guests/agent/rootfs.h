/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "agent/paths.h"
#include "agent/process.h"

/*
 * A container's root file system under `dir` (made): /agent and the empty directories that runtimes
 * mount upon, all owned by `owner`. With `nest` also what the tools of a further layer want beside
 * /usr, which is to be bound: a copy of /etc, their state directories, the tiny guest. Nothing is
 * done where the agent is there already.
 */
int rootfs_make(const char *dir, uid_t owner, bool nest, int64_t end_ms, struct trouble *t);

/* Adds one byte to its /agent, unless that was done before: the same program, another image. */
int rootfs_change(const char *dir, struct trouble *t);
