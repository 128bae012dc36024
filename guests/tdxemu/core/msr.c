/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/core/td.h"

/*
 * Which MSRs a TD has: TDX Module Base Architecture Specification, "MSR Virtualization". In the
 * default mode only those are intercepted whose native behaviour would give SVM away or let the
 * guest reach the module, and the x2APIC's; in the #VE mode all but the native ones.
 */
#define MSR_APICBASE    0x1bu
#define MSR_FEAT_CTL    0x3au
#define MSR_ARCH_CAPS   0x10au
#define MSR_MISC_ENABLE 0x1a0u
#define MSR_EFER        0xc0000080u

#define X2APIC_FIRST 0x800u
#define X2APIC_LAST  0x8ffu
#define X2APIC_ICR   0x830u
#define AMD_FIRST    0xc0010000u /* VM_CR, VM_HSAVE_PA and others that no Intel processor has */
#define AMD_LAST     0xc0011fffu

#define APICBASE_X2APIC (1ull << 10)
#define EFER_WRITABLE   0xd01ull /* SCE LME LMA NXE */
#define EFER_SVME       (1ull << 12)
#define FEAT_CTL_LOCKED 1ull

/*
 * IA32_ARCH_CAPABILITIES (Intel SDM volume 4): what this processor is not prone to, as every one
 * that has TDX says of most of it. An interpreter does not speculate, so it is true here too; and
 * without RDCL_NO Linux would isolate page tables, which no TD does and which made each system
 * call under TCG take 21 us in place of 1. IBRS and what else needs a control is left out.
 */
#define ARCH_CAPS_RDCL_NO        (1ull << 0)
#define ARCH_CAPS_SKIP_L1DFL     (1ull << 3)
#define ARCH_CAPS_MDS_NO         (1ull << 5)
#define ARCH_CAPS_PSCHANGE_MC_NO (1ull << 6)
#define ARCH_CAPS_TAA_NO         (1ull << 8)
#define ARCH_CAPS_STALE_DATA_NO  (7ull << 13) /* SBDR_SSDP_NO, FBSDP_NO, PSDP_NO */
#define ARCH_CAPS_BHI_NO         (1ull << 20)
#define ARCH_CAPS_GDS_NO         (1ull << 26)
#define ARCH_CAPS_RFDS_NO        (1ull << 27)
#define ARCH_CAPS                                                                                 \
	(ARCH_CAPS_RDCL_NO | ARCH_CAPS_SKIP_L1DFL | ARCH_CAPS_MDS_NO | ARCH_CAPS_PSCHANGE_MC_NO | \
	 ARCH_CAPS_TAA_NO | ARCH_CAPS_STALE_DATA_NO | ARCH_CAPS_BHI_NO | ARCH_CAPS_GDS_NO |       \
	 ARCH_CAPS_RFDS_NO)

struct range {
	uint32_t first, last;
};
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct range native[] = {
        {0x10, 0x10},             /* TSC */
        {0x48, 0x48},             /* SPEC_CTRL */
        {0x174, 0x176},           /* SYSENTER */
        {0x1d9, 0x1d9},           /* DEBUGCTL */
        {0x277, 0x277},           /* PAT */
        {0xc0000081, 0xc0000084}, /* STAR, LSTAR, CSTAR, FMASK */
        {0xc0000100, 0xc0000103}, /* FS, GS and kernel GS base, TSC_AUX */
};

/* What TCG's processor has of a VMM's MSRs, to be read by TDG.VP.VMCALL. */
static const struct range readable[] = {
        {0x17, 0x17},   /* platform ID */
        {0x8b, 0x8b},   /* microcode revision */
        {0xce, 0xce},   /* PLATFORM_INFO */
        {0xfe, 0xfe},   /* MTRR capabilities */
        {0x179, 0x17b}, /* machine check: MCG_CAP, MCG_STATUS, MCG_CTL */
        {0x200, 0x20f}, /* MTRRs */
        {0x250, 0x250}, {0x258, 0x259}, {0x268, 0x26f},
        {0x2ff, 0x2ff}, {0x400, 0x47f}, /* machine check banks */
};
static const struct range writable[] = {
        {0x8b, 0x8b},   {0x17a, 0x17b}, {0x200, 0x20f}, {0x250, 0x250},
        {0x258, 0x259}, {0x268, 0x26f}, {0x2ff, 0x2ff}, {0x400, 0x47f},
};

/* #GP without asking the VMM. */
static const struct range no_read[] = {{0x49, 0x49}, {0x10b, 0x10b}};
static const struct range no_write[] = {{MSR_ARCH_CAPS, MSR_ARCH_CAPS}};

/* x2APIC registers that do not exist, and those of one direction: Intel SDM volume 3, 10.12.1.2. */
static const struct range x2apic_none[] = {
        {0x800, 0x801}, {0x804, 0x807}, {0x809, 0x809}, {0x80c, 0x80c}, {0x80e, 0x80e},
        {0x829, 0x82e}, {0x831, 0x831}, {0x83a, 0x83d}, {0x840, 0x8ff},
};
static const struct range x2apic_read_only[] = {
        {0x802, 0x803}, {0x80a, 0x80a}, {0x80d, 0x80d}, {0x810, 0x827}, {0x839, 0x839},
};
static const struct range x2apic_write_only[] = {{0x80b, 0x80b}, {0x83f, 0x83f}};

static bool in(const struct range *ranges, size_t count, uint32_t index)
{
	for (size_t i = 0; i < count; i++)
		if (index >= ranges[i].first && index <= ranges[i].last)
			return true;
	return false;
}
#define IN(ranges, index) in(ranges, COUNT(ranges), index)

static bool ve_mode(const struct td *td)
{
	return td->flags & TDXEMU_FLAG_VE;
}

static bool is_x2apic(uint32_t index)
{
	return index >= X2APIC_FIRST && index <= X2APIC_LAST;
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

bool td_msr_wanted(const struct td *td, uint32_t index)
{
	if (ve_mode(td))
		return !IN(native, index);
	return index == MSR_EFER || index == MSR_APICBASE || index == MSR_FEAT_CTL ||
	       index == MSR_ARCH_CAPS || is_x2apic(index) ||
	       (index >= AMD_FIRST && index <= AMD_LAST);
}

static bool read_known(const struct td *td, uint32_t index, uint64_t *ret)
{
	if (index == MSR_EFER)
		*ret = td->port->msr_read(index) & ~EFER_SVME;
	else if (index == MSR_APICBASE)
		*ret = td->port->msr_read(index) | APICBASE_X2APIC;
	else if (index == MSR_MISC_ENABLE) /* read before the kernel has a handler for #VE */
		*ret = td->port->msr_read(index);
	else if (index == MSR_FEAT_CTL)
		*ret = FEAT_CTL_LOCKED; /* and nothing enabled */
	else if (index == MSR_ARCH_CAPS)
		*ret = ARCH_CAPS;
	else if (is_x2apic(index) && !IN(x2apic_none, index) && !IN(x2apic_write_only, index))
		*ret = td->port->msr_read(index);
	else
		return false;
	return true;
}

/* APICBASE is read-only in a TD; here a moved APIC would also lie over the module's memory. */
static bool write_known(const struct td *td, uint32_t index, uint64_t value)
{
	uint64_t now;

	if (index == MSR_APICBASE)
		return read_known(td, index, &now) && value == now;
	if (index == MSR_EFER) {
		if (value & ~EFER_WRITABLE)
			return false;
	} else if (!is_x2apic(index) || IN(x2apic_none, index) || IN(x2apic_read_only, index)) {
		return false;
	}
	if (index == X2APIC_ICR && !icr_allowed(value))
		td->port->log("dropped: INIT, SIPI or SMI by the guest, ICR", value);
	else
		td->port->msr_write(index, value);
	return true;
}

/* An MSR the module has no rule for is the VMM's affair where there is #VE to ask it. */
static enum td_msr refuse(const struct td *td, uint32_t index, bool forbidden)
{
	bool ours = index == MSR_EFER || index == MSR_APICBASE || index == MSR_FEAT_CTL ||
	            is_x2apic(index) || forbidden;

	return ve_mode(td) && !ours ? TD_MSR_VE : TD_MSR_GP;
}

enum td_msr td_msr_read(const struct td *td, uint32_t index, uint64_t *ret)
{
	return read_known(td, index, ret) ? TD_MSR_DONE : refuse(td, index, IN(no_read, index));
}

enum td_msr td_msr_write(const struct td *td, uint32_t index, uint64_t value)
{
	return write_known(td, index, value) ? TD_MSR_DONE : refuse(td, index, IN(no_write, index));
}

bool td_msr_read_by_vmcall(const struct td *td, uint64_t index, uint64_t *ret)
{
	if (index > UINT32_MAX)
		return false;
	if (IN(readable, (uint32_t)index)) {
		*ret = td->port->msr_read((uint32_t)index);
		return true;
	}
	return read_known(td, (uint32_t)index, ret);
}

bool td_msr_write_by_vmcall(const struct td *td, uint64_t index, uint64_t value)
{
	if (index > UINT32_MAX)
		return false;
	if (IN(writable, (uint32_t)index)) {
		td->port->msr_write((uint32_t)index, value);
		return true;
	}
	return write_known(td, (uint32_t)index, value);
}
