/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_ROOTFS_H
#define AGENT_ROOTFS_H

#include <sys/types.h>

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

/* The file that is this agent, for copies: /proc/self/exe works without knowing its name. */
#define AGENT_FILE "/proc/self/exe"
/* The tiny nested guests, from the initramfs: in a VM in RUN_DIR, in a container at its root. */
#define TINY_FILE       "tiny.elf"
#define TINY_RISCV_FILE "tiny-riscv64.elf"

#endif
