/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"

/*
 * x2APIC registers are MSR 0x800 + (offset of the xAPIC register / 16). QEMU 7.2 has no x2APIC
 * under TCG, so in the fidelity mode they are carried out on the xAPIC page.
 */
#define X2APIC_FIRST 0x800u
#define X2APIC_LAST  0x8ffu
enum { X2_ID = 0x802, X2_LDR = 0x80d, X2_DFR = 0x80e, X2_ICR = 0x830, X2_SELF_IPI = 0x83f };
enum { LAPIC_ICR_LOW = 0x300, LAPIC_ICR_HIGH = 0x310 };
#define APIC_BASE_X2APIC (1ull << 10)

int msr_wanted(uint32_t index, int x2apic)
{
	if (index == MSR_EFER || (index >= MSR_VM_CR && index <= MSR_VM_HSAVE))
		return 1; /* the latter hide SVM: #GP, as msr_read and msr_write don't know them */
	return x2apic &&
	       (index == MSR_APIC_BASE || (index >= X2APIC_FIRST && index <= X2APIC_LAST));
}

static uint64_t lapic_of(uint32_t index)
{
	return LAPIC + (uint64_t)(index - X2APIC_FIRST) * 16;
}

static uint64_t x2apic_read(uint32_t index)
{
	switch (index) {
	case X2_ID:
		return mmio_read32(lapic_of(index)) >> 24;
	case X2_LDR:
		return 1ull << cpu_self()->vcpu.index;
	case X2_ICR:
		return mmio_read32(LAPIC + LAPIC_ICR_LOW) |
		       (uint64_t)(mmio_read32(LAPIC + LAPIC_ICR_HIGH) >> 24) << 32;
	default:
		return mmio_read32(lapic_of(index));
	}
}

static void x2apic_write(uint32_t index, uint64_t v)
{
	switch (index) {
	case X2_ICR:
		mmio_write32(LAPIC + LAPIC_ICR_HIGH, (uint32_t)(v >> 32) << 24);
		mmio_write32(LAPIC + LAPIC_ICR_LOW, (uint32_t)v);
		break;
	case X2_SELF_IPI:
		mmio_write32(LAPIC + LAPIC_ICR_LOW, 0x40000 | (uint8_t)v);
		break;
	case X2_LDR:
	case X2_DFR:
		break;
	default:
		mmio_write32(lapic_of(index), (uint32_t)v);
	}
}

static bool is_x2apic(uint32_t index)
{
	return the_td.flags & TDXEMU_FLAG_VE && index >= X2APIC_FIRST && index <= X2APIC_LAST;
}

/* What a TDVMCALL or an intercepted access may read; everything else the guest does natively. */
bool msr_read(uint32_t index, uint64_t *ret)
{
	if (is_x2apic(index)) {
		*ret = x2apic_read(index);
		return true;
	}
	switch (index) {
	case MSR_EFER:
		*ret = cpu_self()->vmcb.efer & ~EFER_SVME;
		return true;
	case MSR_APIC_BASE:
		*ret = rdmsr(index) | (the_td.flags & TDXEMU_FLAG_VE ? APIC_BASE_X2APIC : 0);
		return true;
	case 0x8b:  /* microcode revision: none */
	case 0x17:  /* platform ID */
	case 0xfe:  /* MTRR capabilities */
	case 0x2ff: /* MTRR default type */
	case 0x1a0: /* MISC_ENABLE: an early triple fault otherwise */
		*ret = rdmsr(index);
		return true;
	case 0x3a: /* FEAT_CTL: locked, nothing enabled */
		*ret = 1;
		return true;
	default:
		return false;
	}
}

bool msr_write(uint32_t index, uint64_t value)
{
	struct vmcb *v = &cpu_self()->vmcb;

	if (is_x2apic(index)) {
		x2apic_write(index, value);
		return true;
	}
	switch (index) {
	case MSR_EFER: /* LMA is the CPU's, SVME ours */
		v->efer = (value & ~(EFER_LMA | EFER_SVME)) | (v->efer & EFER_LMA) | EFER_SVME;
		return true;
	case MSR_APIC_BASE:
		if (!(the_td.flags & TDXEMU_FLAG_VE))
			wrmsr(index, value);
		return true;
	default:
		return false;
	}
}
