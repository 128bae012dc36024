/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "plan/plan.h"

/*
 * Looks at this machine. `qemu` is a path or a name to be found in PATH; NULL means
 * qemu-system-x86_64. A missing QEMU, KVM or TDX is no failure: the facts say so, with the reason.
 * Takes up to HOST_PROBE_SECONDS when something hangs.
 */
#define HOST_PROBE_SECONDS 10
int host_facts_gather(const char *qemu, struct host_facts *ret, struct err *e);

/* The first executable regular file `name` of PATH, or `name` itself when it has a
 * slash. -ENOENT. */
int host_find_program(const char *name, char *ret, size_t ret_size);
