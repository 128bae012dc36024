/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_ROOTFS_H
#define AGENT_ROOTFS_H

#include <sys/types.h>

#include "agent/process.h"

/*
 * A container's root file system: /agent and the empty directories that runtimes mount upon, under
 * `dir` (made), all owned by `owner`. Nothing is done where the agent is there already.
 */
int rootfs_make(const char *dir, uid_t owner, struct trouble *t);

/* Adds one byte to its /agent, unless that was done before: the same program, another image. */
int rootfs_change(const char *dir, struct trouble *t);

/* The file that is this agent, for copies: /proc/self/exe works without knowing its name. */
#define AGENT_FILE "/proc/self/exe"

#endif
