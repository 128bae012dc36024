/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local APIC's timer. A TD's counts a crystal of 25 MHz (CPUID 0x15), QEMU's counts
 * nanoseconds: the guest's ticks are turned into them, with QEMU's divider where 32 bits are too few.
 * Intel SDM volume 3, 10.5.4.
 */
#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"

#define LAPIC_INITIAL 0x380
#define LAPIC_CURRENT 0x390
#define LAPIC_DIVIDE  0x3e0
#define NS            1000000000ull
#define SHIFT_MAX     7

enum { X2_INITIAL = 0x838, X2_CURRENT = 0x839 };

/* The divide configuration register: bits 3, 1 and 0 are log2 of the divider, less 1; 7 is by 1. */
static unsigned shift_of(uint32_t divide)
{
	return (((divide >> 1 & 4) | (divide & 3)) + 1) & 7;
}

static uint32_t divide_of(unsigned shift)
{
	unsigned v = (shift + 7) & 7;

	return (v & 4) << 1 | (v & 3);
}

/* ticks * NS / crystal, and the other way, without leaving 64 bits */
static uint64_t scale(uint64_t n, uint64_t by, uint64_t of)
{
	return n / of * by + n % of * by / of;
}

uint32_t timer_read(const struct cpu *c, uint32_t index)
{
	uint64_t ns, ticks;

	if (index == X2_INITIAL)
		return c->timer.initial;
	if (index != X2_CURRENT)
		return c->timer.divide;
	ns = (uint64_t)mmio_read32(LAPIC + LAPIC_CURRENT) << c->timer.shift;
	ticks = scale(ns, td_crystal_hz(&the_td), NS) >> shift_of(c->timer.divide);
	return ticks < c->timer.initial ? (uint32_t)ticks : c->timer.initial;
}

/* From 549 s on it comes too early. */
static void start(struct cpu *c)
{
	uint64_t ticks = (uint64_t)c->timer.initial << shift_of(c->timer.divide);
	uint64_t ns = scale(ticks, NS, td_crystal_hz(&the_td));

	for (c->timer.shift = 0; c->timer.shift < SHIFT_MAX && ns >> c->timer.shift > UINT32_MAX;)
		c->timer.shift++;
	ns >>= c->timer.shift;
	mmio_write32(LAPIC + LAPIC_DIVIDE, divide_of(c->timer.shift));
	mmio_write32(LAPIC + LAPIC_INITIAL, ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns);
}

void timer_write(struct cpu *c, uint32_t index, uint32_t value)
{
	if (index == X2_INITIAL)
		c->timer.initial = value;
	else if (index != X2_CURRENT)
		c->timer.divide = value & 0xb;
	if (index == X2_INITIAL || c->timer.initial)
		start(c);
}
