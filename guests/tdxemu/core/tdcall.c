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

/* VP.INFO's R10: TDG.SYS.RD is there. */
#define INFO_SYS_RD 1ull

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
	r->r10 = INFO_SYS_RD;
	r->r11 = 0;
	return TDX_SUCCESS;
}

/* Operands are checked in the genuine module's order, so that the same one is named. */
static uint64_t rtmr_extend_leaf(struct td *td, const struct td_regs *r)
{
	uint8_t digest[TDX_DIGEST_SIZE];
	const void *buffer = NULL;

	if (!(r->rcx & (TD_SHARED | 63))) /* private memory only */
		buffer = td->port->guest(r->rcx, sizeof(digest));
	if (!buffer)
		return invalid(TDX_OPERAND_RCX);
	if (r->rdx >= TDX_RTMR_COUNT)
		return invalid(TDX_OPERAND_RDX);
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
	if (r->r8 != 0) /* the only report subtype */
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

/* RCX names a TD; a guest has only its own, 0. */
static uint64_t vm_rd(const struct td *td, struct td_regs *r)
{
	uint64_t value = 0, status = invalid(TDX_OPERAND_RCX);

	if (r->rcx == 0)
		status = td_field_read(td, r->rdx, &value);
	r->r8 = value;
	return status;
}

/* R8 is the new value under the mask R9; the old one is returned in R8. */
static uint64_t vm_wr(struct td *td, struct td_regs *r)
{
	uint64_t old = 0, status = invalid(TDX_OPERAND_RCX);

	if (r->rcx == 0)
		status = td_field_write(td, r->rdx, r->r8, r->r9, &old);
	r->r8 = old;
	return status;
}

static uint64_t sys_rd(struct td_regs *r)
{
	uint64_t value = 0, status = td_sys_read(r->rdx, &value);

	r->rdx = ~0ull; /* there is no next field */
	r->r8 = value;
	return status;
}

static uint64_t cpuidve_set(struct td_vcpu *vcpu, const struct td_regs *r)
{
	if (r->rcx & ~(uint64_t)(TD_CPUIDVE_SUPERVISOR | TD_CPUIDVE_USER))
		return invalid(TDX_OPERAND_RCX);
	vcpu->cpuid_ve = (uint32_t)r->rcx;
	return TDX_SUCCESS;
}

void td_call(struct td *td, struct td_vcpu *vcpu, struct td_regs *r)
{
	switch (r->rax) {
	case LEAF_VP_VMCALL:
		td_vmcall(td, vcpu, r);
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
	case LEAF_VP_CPUIDVE_SET:
		r->rax = cpuidve_set(vcpu, r);
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
		r->rax = sys_rd(r);
		break;
	default:
		td->port->log("unknown TDCALL leaf", r->rax);
		r->rax = invalid(TDX_OPERAND_RAX);
	}
}
