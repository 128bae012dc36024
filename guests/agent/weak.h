/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_WEAK_H
#define AGENT_WEAK_H

#include <sys/types.h>

#include "agent/process.h"

/*
 * The axis `rootfs=weak`, for tests: gives a root file system made by rootfs_make() ways in, as a
 * careless image has them: the password "toor" for root, none for guest, and a remote shell's
 * program. Nobody can use them: the container has no network.
 */
int weak_make(const char *dir, uid_t owner, struct trouble *t);

#endif
