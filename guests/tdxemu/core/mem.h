/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tdxemu/core/td.h"

/*
 * Guest memory as the module and the VMM keep it for a guest. The VMM does what KVM and QEMU do
 * (arch/x86/kvm/vmx/tdx.c, accel/kvm: kvm_convert_memory): it adds private memory at the first
 * touch, 2 MiB at once where it can, and an alias that is touched without MapGPA is converted
 * without a word. Both ways the content is lost, and a private page is pending again. To touch a
 * pending page is a #VE; where that is disabled (ATTRIBUTES.SEPT_VE_DISABLE, which Linux asks for)
 * KVM says "Guest access before accepting" and the TD runs no more.
 */

/* A TDCALL's status when it has no effect and vcpu->due is to be injected in its place. */
#define TD_RESTART (~1ull)

/* A TDCALL's operand in memory, aligned so that it lies in one page. */
struct td_operand {
	uint64_t gpa;
	size_t size;
	unsigned number; /* TDX_OPERAND_* */
	bool private_only;
	enum td_access access;
};

/* On success *ret points to it; else the status with the operand's number, or TD_RESTART. */
uint64_t td_operand_map(struct td *td, struct td_vcpu *vcpu, const struct td_operand *o,
                        void **ret);

/* TDG.MEM.PAGE.ACCEPT, TDG.MEM.PAGE.ATTR.RD and .WR. */
uint64_t td_page_accept(struct td *td, const struct td_regs *r);
uint64_t td_page_attr_rd(struct td *td, struct td_regs *r);
uint64_t td_page_attr_wr(struct td *td, struct td_regs *r);

/* TDG.VP.VMCALL<MapGPA>: its result, and in R11 how far it came unless all is done. */
uint64_t td_map_gpa(struct td *td, struct td_regs *r);
