/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/core/mem.h"

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
	LEAF_VP_RD = 9,
	LEAF_VP_WR = 10,
	LEAF_SYS_RD = 11,
	LEAF_SYS_RDALL = 12,
	LEAF_SERVTD_RD = 18,
	LEAF_SERVTD_WR = 20,
	LEAF_MR_VERIFYREPORT = 22,
	LEAF_MEM_PAGE_ATTR_RD = 23,
	LEAF_MEM_PAGE_ATTR_WR = 24,
	LEAF_VP_ENTER = 25,
	LEAF_VP_INVEPT = 26,
	LEAF_VP_INVVPID = 27,
};
#define RAX_VERSION(rax) ((rax) >> 16 & 0xff)
#define RAX_RESERVED     0xffffffffff000000ull

/* VP.INFO's R10: TDG.SYS.RD is there. */
#define INFO_SYS_RD 1ull

#define SERVTD_SLOT(handle) ((handle)&0xfff)
#define SERVTD_SLOTS_MAX    1

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

/* ---- measurement; operands are checked in the genuine module's order ---- */

static uint64_t rtmr_extend_leaf(struct td *td, struct td_vcpu *vcpu, const struct td_regs *r)
{
	const struct td_operand extension = {r->rcx, TDX_DIGEST_SIZE, TDX_OPERAND_RCX, true,
	                                     TD_ACCESS_READ};
	uint8_t digest[TDX_DIGEST_SIZE];
	void *buffer;
	uint64_t status;

	if (r->rcx & 63)
		return invalid(TDX_OPERAND_RCX);
	status = td_operand_map(td, vcpu, &extension, &buffer);
	if (status != TDX_SUCCESS)
		return status;
	if (r->rdx >= TDX_RTMR_COUNT)
		return invalid(TDX_OPERAND_RDX);
	memcpy(digest, buffer, sizeof(digest)); /* once: the guest may be changing it */
	rtmr_extend(td->info.rtmr[r->rdx], digest);
	return TDX_SUCCESS;
}

static uint64_t mr_report(struct td *td, struct td_vcpu *vcpu, const struct td_regs *r)
{
	const struct td_operand to = {r->rcx, TDREPORT_SIZE, TDX_OPERAND_RCX, false,
	                              TD_ACCESS_READ | TD_ACCESS_WRITE};
	const struct td_operand from = {r->rdx, TDREPORT_DATA_SIZE, TDX_OPERAND_RDX, false,
	                                TD_ACCESS_READ};
	uint8_t data[TDREPORT_DATA_SIZE];
	struct tdreport report;
	void *in, *out;
	uint64_t status;

	if (r->rcx & (TDREPORT_SIZE - 1))
		return invalid(TDX_OPERAND_RCX);
	if (r->rdx & (TDREPORT_DATA_SIZE - 1))
		return invalid(TDX_OPERAND_RDX);
	status = td_operand_map(td, vcpu, &from, &in);
	if (status != TDX_SUCCESS)
		return status;
	if (r->r8 != 0) /* the only report subtype */
		return invalid(TDX_OPERAND_R8);
	memcpy(data, in, sizeof(data)); /* newer kernels keep it inside the output buffer */
	td_report(td, data, &report);
	status = td_operand_map(td, vcpu, &to, &out);
	if (status == TDX_SUCCESS)
		memcpy(out, &report, sizeof(report));
	return status;
}

/*
 * Local attestation: whether the REPORTMACSTRUCT at RCX was made on this platform, by any of its
 * TDs. SEAMOPS[SEAMVERIFYREPORT] looks at its form and its CPUSVN before the MAC.
 */
static uint64_t mr_verifyreport(struct td *td, struct td_vcpu *vcpu, const struct td_regs *r)
{
	static const uint8_t none[32];
	const struct td_operand from = {r->rcx, sizeof(struct report_mac), TDX_OPERAND_RCX, true,
	                                TD_ACCESS_READ};
	struct tdreport report = {0};
	const struct report_mac *mac = &report.mac;
	void *in;
	uint64_t status;

	if (r->rcx & (sizeof(struct report_mac) - 1))
		return invalid(TDX_OPERAND_RCX);
	status = td_operand_map(td, vcpu, &from, &in);
	if (status != TDX_SUCCESS)
		return status;
	memcpy(&report.mac, in, sizeof(report.mac));
	if (mac->reserved1 != 0 || memcmp(mac->reserved2, none, sizeof(mac->reserved2)) != 0 ||
	    memcmp(mac->reserved3, none, sizeof(mac->reserved3)) != 0)
		return TDX_INVALID_REPORTMACSTRUCT;
	if (memcmp(mac->cpusvn, none, sizeof(mac->cpusvn)) != 0) /* ours is zero */
		return TDX_INVALID_CPUSVN;
	return tdreport_mac_ok(&report, td->mac_key, sizeof(td->mac_key))
	               ? TDX_SUCCESS
	               : TDX_INVALID_REPORTMACSTRUCT;
}

/* ---- #VE ---- */

static uint64_t veinfo_get(struct td_vcpu *vcpu, struct td_regs *r)
{
	const struct td_ve ve = vcpu->ve;

	r->rcx = r->rdx = r->r8 = r->r9 = r->r10 = 0;
	if (!ve.valid)
		return TDX_NO_VE_INFO;
	r->rcx = ve.reason;
	r->rdx = ve.qualification;
	r->r8 = ve.gla;
	r->r9 = ve.gpa;
	r->r10 = ve.length;
	vcpu->ve.valid = false;
	return TDX_SUCCESS;
}

static uint64_t cpuidve_set(struct td_vcpu *vcpu, const struct td_regs *r)
{
	if (r->rcx & ~(uint64_t)(TD_CPUIDVE_SUPERVISOR | TD_CPUIDVE_USER))
		return invalid(TDX_OPERAND_RCX);
	vcpu->cpuid_supervisor_ve = r->rcx & TD_CPUIDVE_SUPERVISOR;
	vcpu->cpuid_user_ve = (r->rcx & TD_CPUIDVE_USER) != 0;
	return TDX_SUCCESS;
}

/* ---- metadata ---- */

/* What TDG.VM.RD version 1, VP.RD and SYS.RD share: RDX is the next field, ~0 asks
 * for the first. */
static uint64_t read_and_next(const struct td *td, const struct td_vcpu *vcpu,
                              enum td_context context, struct td_regs *r)
{
	uint64_t id = r->rdx;

	if ((id | TD_FIELD_CONTEXT) != ~0ull)
		return td_field_read(td, vcpu, context, id, &r->r8, &r->rdx);
	r->rdx = td_field_first(context);
	r->r8 = 0;
	return TDX_METADATA_FIRST_FIELD;
}

/* RCX names a TD; a guest has only its own, 0. */
static uint64_t vm_rd(const struct td *td, const struct td_vcpu *vcpu, struct td_regs *r,
                      unsigned version)
{
	uint64_t id = r->rdx, next;

	r->r8 = 0;
	if (version > 0)
		r->rdx = ~0ull;
	if (version > 1)
		return invalid(TDX_OPERAND_RAX);
	if (r->rcx != 0)
		return invalid(TDX_OPERAND_RCX);
	if (version == 0)
		return td_field_read(td, vcpu, TD_CONTEXT_TD, id, &r->r8, &next);
	r->rdx = id;
	return read_and_next(td, vcpu, TD_CONTEXT_TD, r);
}

static uint64_t vp_rd(const struct td *td, const struct td_vcpu *vcpu, struct td_regs *r)
{
	if (r->rcx == 0)
		return read_and_next(td, vcpu, TD_CONTEXT_VCPU, r);
	r->rdx = ~0ull;
	r->r8 = 0;
	return invalid(TDX_OPERAND_RCX);
}

/* R8 is the new value under the mask R9; the old one is returned in R8. */
static uint64_t field_wr(struct td *td, struct td_vcpu *vcpu, enum td_context context,
                         struct td_regs *r)
{
	uint64_t value = r->r8;

	r->r8 = 0;
	if (r->rcx != 0)
		return invalid(TDX_OPERAND_RCX);
	return td_field_write(td, vcpu, context, r->rdx, value, r->r9, &r->r8);
}

static uint64_t sys_rdall(struct td *td, struct td_vcpu *vcpu, struct td_regs *r)
{
	const struct td_operand to = {r->rdx, TD_PAGE_SIZE, TDX_OPERAND_RDX, true,
	                              TD_ACCESS_READ | TD_ACCESS_WRITE};
	uint64_t id = r->r8, status;
	void *page;

	r->r8 = ~0ull; /* no field is left over: all of them fit; set before a #VE of the page, too */
	if (r->rdx & (TD_PAGE_SIZE - 1))
		return invalid(TDX_OPERAND_RDX);
	status = td_operand_map(td, vcpu, &to, &page);
	return status == TDX_SUCCESS ? td_sys_dump(id, page) : status;
}

/*
 * A service TD names its target by a binding handle that the VMM gave it. No TD is bound to this
 * one, so a handle that can be one is the VMM's to refuse: a TD exit that KVM does not come back
 * from.
 */
static uint64_t servtd(struct td *td, struct td_regs *r, bool write)
{
	uint64_t word, slot;

	memcpy(&word, td->uuid, sizeof(word));
	slot = SERVTD_SLOT(r->rcx - word);
	if (!write)
		r->rdx = ~0ull;
	r->r8 = 0;
	if (slot >= SERVTD_SLOTS_MAX)
		return invalid(TDX_OPERAND_RCX);
	td->port->stop("the guest named a TD that is not bound to it");
}

/* Of L2 VMs, 1 to NUM_L2_VMS (0): none can be named, and to flush none of them is no error. */
static uint64_t vp_enter(const struct td_regs *r)
{
	return r->rdx & 255 || r->rdx >= TD_SHARED ? invalid(TDX_OPERAND_RDX)
	                                           : invalid(TDX_OPERAND_RCX);
}

static uint64_t vp_invept(const struct td_regs *r)
{
	return r->rcx ? invalid(TDX_OPERAND_RCX) : TDX_SUCCESS;
}

static uint64_t metadata_leaf(struct td *td, struct td_vcpu *vcpu, struct td_regs *r, unsigned leaf)
{
	unsigned version = RAX_VERSION(r->rax);

	switch (leaf) {
	case LEAF_VM_RD:
		return vm_rd(td, vcpu, r, version);
	case LEAF_VM_WR:
		return field_wr(td, vcpu, TD_CONTEXT_TD, r);
	case LEAF_VP_RD:
		return vp_rd(td, vcpu, r);
	case LEAF_VP_WR:
		return field_wr(td, vcpu, TD_CONTEXT_VCPU, r);
	case LEAF_SYS_RD:
		return read_and_next(td, vcpu, TD_CONTEXT_SYS, r);
	case LEAF_SYS_RDALL:
		return sys_rdall(td, vcpu, r);
	case LEAF_SERVTD_RD:
	case LEAF_SERVTD_WR:
		return servtd(td, r, leaf == LEAF_SERVTD_WR);
	case LEAF_VP_ENTER:
		return vp_enter(r);
	case LEAF_VP_INVEPT:
		return vp_invept(r);
	case LEAF_VP_INVVPID:
		return invalid(TDX_OPERAND_RCX);
	default:
		td->port->log("unknown TDCALL leaf", leaf);
		return invalid(TDX_OPERAND_RAX);
	}
}

static uint64_t leaf_call(struct td *td, struct td_vcpu *vcpu, struct td_regs *r, unsigned leaf)
{
	switch (leaf) {
	case LEAF_VP_INFO:
		return vp_info(td, vcpu, r);
	case LEAF_MR_RTMR_EXTEND:
		return rtmr_extend_leaf(td, vcpu, r);
	case LEAF_VP_VEINFO_GET:
		return veinfo_get(vcpu, r);
	case LEAF_MR_REPORT:
		return mr_report(td, vcpu, r);
	case LEAF_VP_CPUIDVE_SET:
		return cpuidve_set(vcpu, r);
	case LEAF_MEM_PAGE_ACCEPT:
		return td_page_accept(td, r);
	case LEAF_MEM_PAGE_ATTR_RD:
		return td_page_attr_rd(td, r);
	case LEAF_MEM_PAGE_ATTR_WR:
		return td_page_attr_wr(td, r);
	case LEAF_MR_VERIFYREPORT:
		return mr_verifyreport(td, vcpu, r);
	default:
		return metadata_leaf(td, vcpu, r, leaf);
	}
}

void td_call(struct td *td, struct td_vcpu *vcpu, struct td_regs *r)
{
	unsigned leaf = r->rax & 0xffff;
	uint64_t status;

	if (r->rax & RAX_RESERVED || (RAX_VERSION(r->rax) > 0 && leaf != LEAF_VM_RD)) {
		r->rax = invalid(TDX_OPERAND_RAX);
	} else if (leaf == LEAF_VP_VMCALL) {
		td_vmcall(td, vcpu, r);
	} else {
		status = leaf_call(td, vcpu, r, leaf);
		if (status != TD_RESTART)
			r->rax = status;
	}
}
