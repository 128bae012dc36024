/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* What becomes of one direction of access to an MSR in a TD. */
enum msr_action {
	MSR_CPU,  /* the processor's own, which TCG has: not intercepted */
	MSR_KEPT, /* the processor's own, kept by the module: TCG does not have it */
	MSR_GP,   /* #GP(0) */
	MSR_VE,   /* #VE: the VMM's */
	MSR_OURS, /* the module's rule: core/msr.c */
	MSR_APIC, /* a register of the x2APIC: the virtual APIC page's, or TCG's xAPIC here */
	MSR_VMM, /* a register of the x2APIC that the VMM has: #VE, or in passthrough done at once */
};

struct msr_row {
	uint32_t first, last;
	uint8_t read, write; /* enum msr_action */
};

/* The row of an MSR; one that the table does not have is the VMM's: #VE both ways. */
const struct msr_row *msr_row(uint32_t index);
