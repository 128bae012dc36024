/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A KVM guest of one CPU that begins in long mode, without firmware. The one part of this room that
 * makes system calls: harness and agent both try by one whether KVM runs code.
 */
struct kvm_guest {
	int vm, cpu;     /* descriptors, -1: none yet */
	uint8_t *memory; /* of the guest, from its address 0 on */
	size_t size;     /* of memory */
	struct kvm_run *run;
	size_t run_size;
};

struct kvm_guest_start {
	size_t memory;    /* bytes, at most 2 MiB */
	uint32_t tables;  /* where three pages of page tables are put */
	const void *code; /* put at regs.rip */
	size_t code_size;
	struct kvm_regs regs;
};

/* `kvm`: /dev/kvm. NULL, or the step that failed, with errno. To be released either way. */
const char *kvm_guest_make(int kvm, const struct kvm_guest_start *start, struct kvm_guest *ret);
void kvm_guest_done(struct kvm_guest *g);
