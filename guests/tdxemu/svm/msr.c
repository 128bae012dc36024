/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"

/*
 * A TD has an x2APIC and no xAPIC. Its registers are MSR 0x800 + (offset of the xAPIC register /
 * 16); they are carried out on the xAPIC page, which only the module reaches: QEMU 7.2 has no
 * x2APIC under TCG.
 */
#define X2APIC_FIRST 0x800u
#define X2APIC_LAST  0x8ffu
enum {
	X2_ID = 0x802,
	X2_LDR = 0x80d,
	X2_CMCI = 0x82f,
	X2_ICR = 0x830,
	X2_INITIAL = 0x838,
	X2_CURRENT = 0x839,
	X2_DIVIDE = 0x83e,
	X2_SELF_IPI = 0x83f
};
#define MSR_TSC 0x10u
enum { LAPIC_ICR_LOW = 0x300, LAPIC_ICR_HIGH = 0x310 };
#define ICR_LOGICAL   (1u << 11)
#define ICR_SHORTHAND (3u << 18)
#define LVT_MASKED    (1u << 16)

static uint64_t lapic_of(uint32_t index)
{
	return LAPIC + (uint64_t)(index - X2APIC_FIRST) * 16;
}

static bool is_timer(uint32_t index)
{
	return index == X2_INITIAL || index == X2_CURRENT || index == X2_DIVIDE;
}

static uint64_t x2apic_read(uint32_t index)
{
	struct cpu *c = cpu_self();

	park_end(c);
	if (is_timer(index))
		return timer_read(c, index);
	switch (index) {
	case X2_ID:
		return mmio_read32(lapic_of(index)) >> 24;
	case X2_LDR: /* SDM volume 3, 10.12.10.2 */
		return (uint64_t)(c->vcpu.index / 16) << 16 | 1ull << c->vcpu.index % 16;
	case X2_ICR:
		return mmio_read32(LAPIC + LAPIC_ICR_LOW) |
		       (uint64_t)(mmio_read32(LAPIC + LAPIC_ICR_HIGH) >> 24) << 32;
	case X2_CMCI: /* TCG has none: masked */
		return LVT_MASKED;
	default:
		return mmio_read32(lapic_of(index));
	}
}

static void send_to(uint32_t id, uint32_t low)
{
	mmio_write32(LAPIC + LAPIC_ICR_HIGH, id << 24);
	mmio_write32(LAPIC + LAPIC_ICR_LOW, low);
}

/*
 * The xAPIC's destination has 8 bits, and so have all our CPUs' IDs; all-ones is everyone. A
 * logical destination is a cluster of 16 CPUs and a bit for each: the xAPIC's has room for 8 CPUs, so
 * each gets an interrupt of its own.
 */
static void send_ipi(uint64_t v)
{
	uint32_t to = (uint32_t)(v >> 32), low = (uint32_t)v, first = (to >> 16) * 16;

	if (low & ICR_SHORTHAND || to == ~0u) {
		send_to(0xff, to == ~0u ? low & ~ICR_LOGICAL : low);
	} else if (!(low & ICR_LOGICAL)) {
		if (to <= 0xff)
			send_to(to, low);
	} else {
		for (uint32_t i = 0; i < 16 && first + i < TD_VCPUS_MAX; i++)
			if (to >> i & 1)
				send_to(first + i, low & ~ICR_LOGICAL);
	}
}

static void x2apic_write(uint32_t index, uint64_t v)
{
	park_end(cpu_self());
	if (is_timer(index)) {
		timer_write(cpu_self(), index, (uint32_t)v);
		return;
	}
	switch (index) {
	case X2_ICR:
		send_ipi(v);
		break;
	case X2_SELF_IPI:
		mmio_write32(LAPIC + LAPIC_ICR_LOW, 0x40000 | (uint8_t)v);
		break;
	case X2_LDR:
	case X2_CMCI:
		break;
	default:
		mmio_write32(lapic_of(index), (uint32_t)v);
	}
}

static bool is_x2apic(uint32_t index)
{
	return index >= X2APIC_FIRST && index <= X2APIC_LAST;
}

/* EFER: LMA is the CPU's, SVME ours, and LME cannot change under paging. */
static void write_efer(struct vmcb *v, uint64_t value)
{
	uint64_t kept = EFER_LMA | EFER_SVME | (v->cr0 & CR0_PG ? EFER_LME : 0);

	v->efer = (value & ~kept) | (v->efer & kept);
}

/* Which MSRs a guest may access at all is core/'s to say. */
uint64_t msr_read(uint32_t index)
{
	if (is_x2apic(index))
		return x2apic_read(index);
	if (index == MSR_TSC) /* RDMSR of it is 0 under QEMU 7.2's TCG */
		return rdtsc();
	return index == MSR_EFER ? cpu_self()->vmcb.efer : rdmsr(index);
}

void msr_write(uint32_t index, uint64_t value)
{
	if (is_x2apic(index))
		x2apic_write(index, value);
	else if (index == MSR_EFER)
		write_efer(&cpu_self()->vmcb, value);
	else
		wrmsr(index, value);
}
