/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/core/td.h"

#include "tdxemu/core/msr_table.h"

/* What the module does with the MSRs that core/msr_table.c does not leave to the CPU. */
#define MSR_APICBASE        0x1bu
#define MSR_FEAT_CTL        0x3au
#define MSR_TSC             0x10u
#define MSR_SPEC_CTRL       0x48u
#define MSR_PRED_CMD        0x49u
#define MSR_MISC_PACKAGE    0xbcu
#define MSR_XAPIC_DISABLED  0xbdu
#define MSR_ARCH_CAPS       0x10au
#define MSR_FLUSH_CMD       0x10bu
#define MSR_MISC_ENABLE     0x1a0u
#define MSR_DEBUGCTL        0x1d9u
#define MSR_PERF_CAPS       0x345u
#define MSR_DS_AREA         0x600u
#define MSR_X2APIC_ID       0x802u
#define MSR_X2APIC_TPR      0x808u
#define MSR_X2APIC_EOI      0x80bu
#define MSR_X2APIC_ICR      0x830u
#define MSR_X2APIC_SELF_IPI 0x83fu
#define MSR_DEBUG_INTERFACE 0xc80u
#define MSR_XSS             0xda0u
#define MSR_UARCH_MISC      0x1b01u
#define MSR_EFER            0xc0000080u

#define APICBASE_X2APIC         (1ull << 10)
#define EFER_SCE                (1ull << 0)
#define EFER_LMA                (1ull << 10)
#define EFER_SVME               (1ull << 12)
#define FEAT_CTL_LOCKED         1ull
#define XAPIC_DISABLED          1ull
#define DEBUG_INTERFACE_LOCKED  (1ull << 30)
#define MISC_ENABLE_PERFMON     (1ull << 7)
#define MISC_ENABLE_UNAVAILABLE (3ull << 11) /* BTS and PEBS */
#define UARCH_MISC_DOITM        1ull
/* IBRS STIBP SSBD IPRED_DIS_U/S RRSBA_DIS_U/S PSFD BHI_DIS_S: what CPUID offers. */
#define SPEC_CTRL_DEFINED   0x4ffull
#define COMMAND             1ull /* IBPB, L1D_FLUSH */
#define DEBUGCTL_RESERVED   (~0xffffull | 7ull << 3)
#define DEBUGCTL_TR         (1ull << 6)
#define DEBUGCTL_BTS        (1ull << 7)
#define DEBUGCTL_UNCORE_PMI (1ull << 13)

/*
 * IA32_ARCH_CAPABILITIES (Intel SDM volume 4): what this processor is not prone to, as every one
 * that has TDX says. An interpreter does not speculate, so it is true here too; and without RDCL_NO
 * Linux would isolate page tables, which no TD does and which made each system call under TCG take
 * 21 us in place of 1. SSB_NO, BHI_NO and PBRSB_NO are 0 unless TD_PARAMS configures them, and KVM
 * does not.
 */
#define ARCH_CAPS_RDCL_NO        (1ull << 0)
#define ARCH_CAPS_IBRS_ALL       (1ull << 1)
#define ARCH_CAPS_SKIP_L1DFL     (1ull << 3)
#define ARCH_CAPS_MDS_NO         (1ull << 5)
#define ARCH_CAPS_PSCHANGE_MC_NO (1ull << 6)
#define ARCH_CAPS_TAA_NO         (1ull << 8)
#define ARCH_CAPS_DOITM          (1ull << 12)
#define ARCH_CAPS_STALE_DATA_NO  (7ull << 13) /* SBDR_SSDP_NO, FBSDP_NO, PSDP_NO */
#define ARCH_CAPS                                                                           \
	(ARCH_CAPS_RDCL_NO | ARCH_CAPS_IBRS_ALL | ARCH_CAPS_SKIP_L1DFL | ARCH_CAPS_MDS_NO | \
	 ARCH_CAPS_PSCHANGE_MC_NO | ARCH_CAPS_TAA_NO | ARCH_CAPS_DOITM | ARCH_CAPS_STALE_DATA_NO)

/*
 * The VMX capabilities that the module shows for TD partitioning: its constants for an L2's VMCS,
 * allowed ones in the upper half, required ones in the lower. VMX itself is off in a TD.
 */
struct constant {
	uint32_t index;
	uint64_t value;
};

static const struct constant vmx[] = {
        {0x480, 7ull << 54}, /* BASIC: I/O exits tell, true controls, any event */
        {0x485, 0x600440e0}, /* MISC */
        {0x486, 0x20},       /* CR0_FIXED0, FIXED1 */
        {0x487, 0x8005003f},
        {0x488, 0x2040}, /* CR4_FIXED0, FIXED1 */
        {0x489, 0x00373fff},
        {0x48b, 0x1379bffe132881f2ull}, /* PROCBASED_CTLS2 */
        {0x48c, 0x430001},              /* EPT_VPID_CAP */
        {0x48d, 0x0000003f0000003full}, /* TRUE_PINBASED, PROCBASED, EXIT, ENTRY */
        {0x48e, 0xfdfbfffeb5226dfaull},
        {0x48f, 0x1f3fefff1f3fefffull},
        {0x490, 0x003ed3ff003ed1ffull},
        {0x491, 0},    /* VMFUNC */
        {0x492, 0x8e}, /* PROCBASED_CTLS3 */
};

static bool ve_mode(const struct td *td)
{
	return td->flags & TDXEMU_FLAG_VE;
}

static bool is_canonical(uint64_t v)
{
	return (uint64_t)((int64_t)(v << 16) >> 16) == v;
}

/*
 * An interrupt that a TD may send. INIT, SIPI and SMI it may not: KVM drops them on the way to a
 * TD's CPU, which firmware parks and wakes through the mailbox of its ACPI tables instead. Here
 * they would also put a CPU into a state that no longer is the module's.
 */
static bool icr_allowed(uint64_t icr)
{
	unsigned mode = icr >> 8 & 7;

	return mode <= 1 || mode == 4; /* fixed, lowest priority, NMI */
}

bool td_msr_wanted(uint32_t index, bool write)
{
	const struct msr_row *row = msr_row(index);

	return (write ? row->write : row->read) != MSR_CPU;
}

/* ---- the module's rules ---- */

static uint64_t read_vmx(uint32_t index)
{
	for (size_t i = 0; i < sizeof(vmx) / sizeof(*vmx); i++)
		if (vmx[i].index == index)
			return vmx[i].value;
	return 0;
}

static uint64_t read_ours(const struct td *td, const struct td_vcpu *vcpu, uint32_t index)
{
	switch (index) {
	case MSR_APICBASE:
		return td->port->msr_read(index) | APICBASE_X2APIC;
	case MSR_XAPIC_DISABLED:
		return XAPIC_DISABLED;
	case MSR_ARCH_CAPS:
		return ARCH_CAPS;
	case MSR_MISC_ENABLE:
		return (td->port->msr_read(index) & ~MISC_ENABLE_PERFMON) | MISC_ENABLE_UNAVAILABLE;
	case MSR_DEBUGCTL:
		return vcpu->msr.debugctl;
	case MSR_PERF_CAPS:
		return 0;
	case MSR_EFER:
		return td->port->msr_read(index) & ~EFER_SVME;
	default:
		return index >= 0x800 && index <= 0x8ff ? td->port->msr_read(index)
		                                        : read_vmx(index);
	}
}

/* Only SCE may change; LMA is the processor's. */
static enum td_answer write_efer(const struct td *td, uint64_t value)
{
	uint64_t now = td->port->msr_read(MSR_EFER) & ~EFER_SVME;

	if (((value ^ now) & ~(EFER_SCE | EFER_LMA)) != 0)
		return TD_ANSWER_VE;
	td->port->msr_write(MSR_EFER, value);
	return TD_ANSWER_DONE;
}

static enum td_answer write_ours(const struct td *td, struct td_vcpu *vcpu, uint32_t index,
                                 uint64_t value)
{
	switch (index) {
	case MSR_EFER:
		return write_efer(td, value);
	case MSR_XSS: /* XFAM has no supervisor state */
		return value ? TD_ANSWER_GP : TD_ANSWER_DONE;
	case MSR_DEBUGCTL:
		if (value & DEBUGCTL_RESERVED)
			return TD_ANSWER_GP;
		if (value & DEBUGCTL_TR && !(value & DEBUGCTL_BTS))
			return TD_ANSWER_VE;
		vcpu->msr.debugctl = value & ~DEBUGCTL_UNCORE_PMI;
		return TD_ANSWER_DONE;
	default:
		return TD_ANSWER_GP;
	}
}

/* ---- what the processor has and TCG has not ---- */

static uint64_t read_kept(const struct td *td, const struct td_vcpu *vcpu, uint32_t index)
{
	switch (index) {
	case MSR_TSC:
		return td->port->msr_read(index);
	case MSR_SPEC_CTRL:
		return vcpu->msr.spec_ctrl;
	case MSR_DS_AREA:
		return vcpu->msr.ds_area;
	case MSR_UARCH_MISC:
		return vcpu->msr.uarch_misc;
	case MSR_DEBUG_INTERFACE:
		return DEBUG_INTERFACE_LOCKED;
	default: /* MISC_PACKAGE_CTLS, XSS, write-only x2APIC registers */
		return 0;
	}
}

static enum td_answer write_kept(struct td_vcpu *vcpu, uint32_t index, uint64_t value)
{
	bool legal = false;

	switch (index) {
	case MSR_SPEC_CTRL:
		legal = !(value & ~SPEC_CTRL_DEFINED);
		if (legal)
			vcpu->msr.spec_ctrl = value;
		break;
	case MSR_PRED_CMD: /* nothing is predicted, nothing cached */
	case MSR_FLUSH_CMD:
		legal = !(value & ~COMMAND);
		break;
	case MSR_DS_AREA:
		legal = is_canonical(value);
		if (legal)
			vcpu->msr.ds_area = value;
		break;
	case MSR_UARCH_MISC:
		legal = !(value & ~UARCH_MISC_DOITM);
		if (legal)
			vcpu->msr.uarch_misc = value;
		break;
	default:
		break;
	}
	return legal ? TD_ANSWER_DONE : TD_ANSWER_GP;
}

static enum td_answer write_apic(const struct td *td, uint32_t index, uint64_t value)
{
	if ((index == MSR_X2APIC_EOI && value != 0) || value > 0xff)
		return TD_ANSWER_GP;
	td->port->msr_write(index, value);
	return TD_ANSWER_DONE;
}

/* ---- the VMM's: as KVM has them for a TD (vmx/tdx.c, tdx_has_emulated_msr) ---- */

struct range {
	uint32_t first, last;
};

static const struct range readable[] = {
        {MSR_APICBASE, MSR_APICBASE}, /* these three are read-only */
        {MSR_FEAT_CTL, MSR_FEAT_CTL},
        {MSR_EFER, MSR_EFER},
        {0x8b, 0x8b}, /* microcode revision */
        {0xce, 0xce}, /* PLATFORM_INFO */
        {0xfe, 0xfe}, /* MTRRCAP */
        {MSR_ARCH_CAPS, MSR_ARCH_CAPS},
        {0x140, 0x140}, /* MISC_FEATURES_ENABLES */
        {0x179, 0x17b}, /* MCG_CAP, MCG_STATUS, MCG_CTL */
        {MSR_MISC_ENABLE, MSR_MISC_ENABLE},
        {0x1fc, 0x1fc}, /* POWER_CTL */
        {0x200, 0x20f},
        {0x250, 0x250},
        {0x258, 0x259},
        {0x268, 0x26f},
        {0x277, 0x277},
        {0x2ff, 0x2ff},
        {0x400, 0x47f}, /* MTRRs, PAT, machine check banks */
};
static const struct range writable[] = {
        {0x8b, 0x8b},   {0x17a, 0x17b}, {0x200, 0x20f}, {0x250, 0x250},
        {0x258, 0x259}, {0x268, 0x26f}, {0x2ff, 0x2ff}, {0x400, 0x47f},
};

static bool in(const struct range *ranges, size_t count, uint64_t index)
{
	for (size_t i = 0; i < count; i++)
		if (index >= ranges[i].first && index <= ranges[i].last)
			return true;
	return false;
}
#define IN(ranges, index) in(ranges, sizeof(ranges) / sizeof(*(ranges)), index)

static bool is_vmm_apic(uint64_t index)
{
	return index >= 0x800 && index <= 0x8ff && msr_row((uint32_t)index)->read == MSR_VMM &&
	       (index < 0x83a || index > 0x83d); /* reserved */
}

bool td_msr_read_by_vmcall(const struct td *td, uint64_t index, uint64_t *ret)
{
	static const struct td_vcpu none = {0};

	if (is_vmm_apic(index) || index == MSR_X2APIC_ID || index == MSR_X2APIC_ID + 1)
		*ret = td->port->msr_read((uint32_t)index);
	else if (!IN(readable, index))
		return false;
	else if (index == MSR_FEAT_CTL)
		*ret = FEAT_CTL_LOCKED; /* and nothing enabled */
	else if (msr_row((uint32_t)index)->read == MSR_OURS)
		*ret = read_ours(td, &none, (uint32_t)index);
	else
		*ret = td->port->msr_read((uint32_t)index);
	return true;
}

bool td_msr_write_by_vmcall(const struct td *td, uint64_t index, uint64_t value)
{
	if (!IN(writable, index) && !(is_vmm_apic(index) && index != 0x839))
		return false;
	if (index == MSR_X2APIC_ICR && !icr_allowed(value))
		td->port->log("dropped: INIT, SIPI or SMI by the guest, ICR", value);
	else
		td->port->msr_write((uint32_t)index, value);
	return true;
}

/* ---- RDMSR and WRMSR ---- */

enum td_answer td_msr_read(const struct td *td, const struct td_vcpu *vcpu, uint32_t index,
                           uint64_t *ret)
{
	switch (msr_row(index)->read) {
	case MSR_KEPT:
		*ret = read_kept(td, vcpu, index);
		return TD_ANSWER_DONE;
	case MSR_OURS:
		*ret = read_ours(td, vcpu, index);
		return TD_ANSWER_DONE;
	case MSR_CPU:
	case MSR_APIC:
		*ret = td->port->msr_read(index);
		return TD_ANSWER_DONE;
	case MSR_VMM:
		if (ve_mode(td))
			return TD_ANSWER_VE;
		return td_msr_read_by_vmcall(td, index, ret) ? TD_ANSWER_DONE : TD_ANSWER_GP;
	case MSR_VE:
		return TD_ANSWER_VE;
	default:
		return TD_ANSWER_GP;
	}
}

enum td_answer td_msr_write(const struct td *td, struct td_vcpu *vcpu, uint32_t index,
                            uint64_t value)
{
	switch (msr_row(index)->write) {
	case MSR_KEPT:
		return write_kept(vcpu, index, value);
	case MSR_OURS:
		return write_ours(td, vcpu, index, value);
	case MSR_CPU:
		td->port->msr_write(index, value);
		return TD_ANSWER_DONE;
	case MSR_APIC:
		return write_apic(td, index, value);
	case MSR_VMM:
		if (ve_mode(td))
			return TD_ANSWER_VE;
		return td_msr_write_by_vmcall(td, index, value) ? TD_ANSWER_DONE : TD_ANSWER_GP;
	case MSR_VE:
		return TD_ANSWER_VE;
	default:
		return TD_ANSWER_GP;
	}
}
