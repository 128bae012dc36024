/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * What the control groups that this process is in leave it of the machine, of versions 1 and 2 and as
 * a container sees them: the least of its own and of those above it. Kernel's
 * Documentation/admin-guide/cgroup-v2.rst (memory.max, cpu.max) and cgroup-v1/.
 */
struct limits {
	uint64_t memory; /* bytes; 0: no limit */
	double cpus;     /* 0: no limit */
};

/* Below `sysroot`, "" for this machine. What can't be read is no limit. */
void limits_read(const char *sysroot, struct limits *ret);
