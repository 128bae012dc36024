/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * Whether /dev/kvm can run a Debian kernel. Its existence proves nothing, and neither do
 * KVM_CREATE_VM and a few real-mode instructions: some hosts interpret ring 0. So a child process
 * runs 64-bit code with a `lock cmpxchg16b` and a loop of KVM_CHECK_LOOPS turns, which
 * interpretation can't do, or not in KVM_CHECK_LIMIT_MS of CPU time. The child is killed after
 * KVM_CHECK_DEADLINE_MS, whatever it hangs in.
 */
#define KVM_CHECK_LOOPS       200000
#define KVM_CHECK_LIMIT_MS    60
#define KVM_CHECK_DEADLINE_MS 5000

struct kvm_check {
	bool usable;
	double loop_ms;   /* best of three; < 0 when it never got that far */
	char reason[160]; /* why (not), one line */
};

void kvm_check(const char *device, struct kvm_check *ret); /* device: "/dev/kvm" */
