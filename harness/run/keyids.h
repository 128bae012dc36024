/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * TDX KeyIDs of the host, one a trust domain: as the misc cgroup counts them (misc.capacity and
 * misc.current of the root, below `sysroot`, "" for this machine). False where it does not.
 */
bool keyids_read(const char *sysroot, unsigned long *ret_all, unsigned long *ret_used);
