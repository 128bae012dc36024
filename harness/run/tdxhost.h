/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

struct tdx_check {
	bool usable;
	char reason[160]; /* why (not), one line */
};

/*
 * Whether this host can make real trust domains: KVM_CAP_VM_TYPES of `device` lists TDX, and this
 * QEMU has a tdx-guest object (10.1 and newer; asked by `-object help`). `qemu` may be "".
 */
void tdx_host_check(const char *device, const char *qemu, struct tdx_check *ret);
