/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "agent/process.h"

/*
 * The axis `rootfs=weak`, for tests: gives a root file system made by rootfs_make() ways in, as a
 * careless image has them: the password "toor" for root, none for guest, and a program
 * /usr/sbin/sshd. The program is the agent again, a stand-in for a remote shell that answers
 * nobody; and the container has no network.
 */
int weak_make(const char *dir, uid_t owner, struct trouble *t);

/* In the container: opens TCP port 22 and starts that program, which holds it until this one ends.
 * 0 or -errno. */
int weak_start_shell(void);
/* Whether this process is that program. It then does nothing, and never returns. */
bool weak_be_shell(const char *name);
