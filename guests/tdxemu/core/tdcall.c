/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/core/td.h"

#include <string.h>

/* TDG.* leaves; ABI specification, "Guest-Side (TDCALL) Interface Functions". */
enum leaf {
	LEAF_VP_VMCALL = 0,
	LEAF_VP_INFO = 1,
	LEAF_MR_RTMR_EXTEND = 2,
	LEAF_VP_VEINFO_GET = 3,
	LEAF_MR_REPORT = 4,
	LEAF_VP_CPUIDVE_SET = 5,
	LEAF_MEM_PAGE_ACCEPT = 6,
	LEAF_VM_RD = 7,
	LEAF_VM_WR = 8,
	LEAF_SYS_RD = 11,
};

/* Metadata field IDs. Bit 63 is NON_ARCH, bits 50:34 say how it is accessed: not part of the name.
 */
#define FIELD_NAME(id)      ((id)&0x7f00000000ffffffull)
#define FIELD_TD_CTLS       FIELD_NAME(0x1110000300000017ull)
#define FIELD_NOTIFY        FIELD_NAME(0x9100000000000010ull) /* notification enables */
#define FIELD_TOPOLOGY      FIELD_NAME(0x9100000000000019ull) /* topology enumeration configured */
#define FIELD_CONFIG_FLAGS  FIELD_NAME(0x1110000300000016ull)
#define FIELD_TDX_FEATURES0 FIELD_NAME(0x0a00000300000008ull)

#define TD_CTLS_PENDING_VE_DISABLE 1ull
#define TD_CTLS_ENUM_TOPOLOGY      2ull

static uint64_t invalid(unsigned operand)
{
	return TDX_OPERAND_INVALID | operand;
}

static uint64_t vp_info(const struct td *td, const struct td_vcpu *vcpu, struct td_regs *r)
{
	r->rcx = TD_GPAW;
	r->rdx = td->info.attributes;
	r->r8 = td->vcpus | (uint64_t)td->vcpus << 32; /* number, maximum */
	r->r9 = vcpu->index;
	r->r10 = 0; /* SYS_RD is there: bit 0 would say so; see sys_rd */
	r->r11 = 0;
	return TDX_SUCCESS;
}

static uint64_t rtmr_extend_leaf(struct td *td, const struct td_regs *r)
{
	uint8_t digest[TDX_DIGEST_SIZE];
	const void *buffer;

	if (r->rdx >= TDX_RTMR_COUNT)
		return invalid(TDX_OPERAND_RDX);
	buffer = r->rcx & 63 ? NULL : td->port->guest(r->rcx & ~TD_SHARED, sizeof(digest));
	if (!buffer)
		return invalid(TDX_OPERAND_RCX);
	memcpy(digest, buffer, sizeof(digest)); /* once: the guest may be changing it */
	rtmr_extend(td->info.rtmr[r->rdx], digest);
	return TDX_SUCCESS;
}

static uint64_t veinfo_get(struct td_vcpu *vcpu, struct td_regs *r)
{
	if (!vcpu->ve.valid)
		return TDX_NO_VE_INFO;
	r->rcx = vcpu->ve.reason;
	r->rdx = vcpu->ve.qualification;
	r->r8 = 0; /* guest linear address */
	r->r9 = 0; /* guest physical address */
	r->r10 = vcpu->ve.length;
	vcpu->ve.valid = false;
	return TDX_SUCCESS;
}

static uint64_t mr_report(const struct td *td, const struct td_regs *r)
{
	uint8_t data[TDREPORT_DATA_SIZE];
	struct tdreport report;
	const void *in = NULL;
	void *out = NULL;

	if ((r->rcx & (TDREPORT_SIZE - 1)) == 0)
		out = td->port->guest(r->rcx & ~TD_SHARED, TDREPORT_SIZE);
	if (!out)
		return invalid(TDX_OPERAND_RCX);
	if ((r->rdx & (TDREPORT_DATA_SIZE - 1)) == 0)
		in = td->port->guest(r->rdx & ~TD_SHARED, TDREPORT_DATA_SIZE);
	if (!in)
		return invalid(TDX_OPERAND_RDX);
	if (r->r8 & 0xff) /* the only report subtype is 0 */
		return invalid(TDX_OPERAND_R8);
	memcpy(data, in, sizeof(data)); /* newer kernels keep it inside the output buffer */
	td_report(td, data, &report);
	memcpy(out, &report, sizeof(report));
	return TDX_SUCCESS;
}

/*
 * Accepting needs nothing: all RAM is private and already there. What can be wrong about it is
 * refused all the same: RCX is the page's address, its level in bits 2:0 (0 = 4K, 1 = 2M).
 */
static uint64_t page_accept(const struct td *td, const struct td_regs *r)
{
	uint64_t level = r->rcx & 7, gpa = r->rcx & ~7ull;
	uint64_t size = level == 0 ? 4096 : 2ull << 20;

	if (level > 1 || gpa & (size - 1) || gpa & TD_SHARED || !td->port->owns(gpa, size))
		return invalid(TDX_OPERAND_RCX);
	return TDX_SUCCESS;
}

static uint64_t vm_rd(const struct td *td, struct td_regs *r)
{
	switch (FIELD_NAME(r->rdx)) {
	case FIELD_TD_CTLS:
		r->r8 = td->td_ctls;
		return TDX_SUCCESS;
	case FIELD_TOPOLOGY:
		r->r8 = 1;
		return TDX_SUCCESS;
	case FIELD_CONFIG_FLAGS:
	case FIELD_NOTIFY:
		r->r8 = 0;
		return TDX_SUCCESS;
	default:
		td->port->log("TDG.VM.RD of an unknown field", r->rdx);
		r->r8 = 0;
		return TDX_METADATA_INCORRECT;
	}
}

/* R8 is the new value under the mask R9; the old one is returned in R8. */
static uint64_t vm_wr(struct td *td, struct td_regs *r)
{
	const uint64_t writable = TD_CTLS_PENDING_VE_DISABLE | TD_CTLS_ENUM_TOPOLOGY;
	uint64_t old;

	switch (FIELD_NAME(r->rdx)) {
	case FIELD_TD_CTLS:
		if (r->r9 & ~writable) /* REDUCE_VE and others: FEATURES0 does not promise them */
			return TDX_METADATA_NOT_WRITABLE;
		old = td->td_ctls;
		td->td_ctls = (old & ~r->r9) | (r->r8 & r->r9);
		r->r8 = old;
		return TDX_SUCCESS;
	case FIELD_NOTIFY: /* no zero-step notifications are ever needed */
		r->r8 = 0;
		return TDX_SUCCESS;
	default:
		td->port->log("TDG.VM.WR of an unknown field", r->rdx);
		return TDX_METADATA_INCORRECT;
	}
}

/* FEATURES0 is zero: none of the optional features is there, REDUCE_VE among them. */
static uint64_t sys_rd(const struct td *td, struct td_regs *r)
{
	if (FIELD_NAME(r->rdx) != FIELD_TDX_FEATURES0) {
		td->port->log("TDG.SYS.RD of an unknown field", r->rdx);
		r->r8 = 0;
		return TDX_METADATA_INCORRECT;
	}
	r->r8 = 0;
	return TDX_SUCCESS;
}

void td_call(struct td *td, struct td_vcpu *vcpu, struct td_regs *r)
{
	switch (r->rax) {
	case LEAF_VP_VMCALL:
		td_vmcall(td, vcpu, r);
		r->rax = TDX_SUCCESS;
		break;
	case LEAF_VP_INFO:
		r->rax = vp_info(td, vcpu, r);
		break;
	case LEAF_MR_RTMR_EXTEND:
		r->rax = rtmr_extend_leaf(td, r);
		break;
	case LEAF_VP_VEINFO_GET:
		r->rax = veinfo_get(vcpu, r);
		break;
	case LEAF_MR_REPORT:
		r->rax = mr_report(td, r);
		break;
	case LEAF_VP_CPUIDVE_SET: /* CPUID never gives #VE here, so either setting is kept */
		r->rax = TDX_SUCCESS;
		break;
	case LEAF_MEM_PAGE_ACCEPT:
		r->rax = page_accept(td, r);
		break;
	case LEAF_VM_RD:
		r->rax = vm_rd(td, r);
		break;
	case LEAF_VM_WR:
		r->rax = vm_wr(td, r);
		break;
	case LEAF_SYS_RD:
		r->rax = sys_rd(td, r);
		break;
	default:
		td->port->log("unknown TDCALL leaf", r->rax);
		r->rax = invalid(TDX_OPERAND_RAX);
	}
}
