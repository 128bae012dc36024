/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"

/*
 * What a hardware trust domain ran on, kept with the run as DIR/host.json, so that a run that
 * failed can be understood from its folder: the findings of run/hostcheck.h (CPU, microcode, BIOS,
 * kernel, its command line, TDX module, kvm_intel.tdx, KeyIDs, SGX), the firmware's name, size and
 * SHA-256, and the host kernel's lines about TDX. No host's name and no user's is in it.
 *
 *	{"checks": [{"what": "keyids", "state": "yes", "found": "1 of 62 in use ..."}],
 *	 "firmware": {"path": "...", "size": 3653632, "sha256": "..."} or null,
 *	 "kernel_lines": ["virt/tdx: module initialized", ...], "kernel_lines_missing": null or why}
 *
 * `sysroot` as in run/hostcheck.h. Written again, it replaces the one before.
 */
#define HOST_RECORD            "host.json"
#define HOST_RECORD_LINES_MAX  200 /* the last ones */
int host_record_save(const char *dir, const char *sysroot, const char *firmware, struct err *e);
