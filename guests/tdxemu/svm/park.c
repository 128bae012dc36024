/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUs that wait for work in a loop of the firmware, which under TCG would take the time of those that
 * work: 63 of 64 from power-on until the kernel wakes them. Until a CPU touches its local APIC, its timer is
 * the module's: it runs for a slice at a time, and where it then is where it was, with no exit
 * between, it sleeps, longer each time.
 */
#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"

#define LAPIC_EOI      0xb0
#define LAPIC_SPURIOUS 0xf0
#define LAPIC_ICR_LOW  0x300
#define LAPIC_TIMER    0x320
#define LAPIC_INITIAL  0x380
#define LAPIC_DIVIDE   0x3e0

/* Their contents after INIT: Intel SDM volume 3, 10.4.7.1; and the bits of which. */
#define SPURIOUS_RESET 0xffu
#define TIMER_RESET    (1u << 16) /* masked */
#define ENABLED        (1u << 8)
#define DIVIDE_BY_1    0xbu
#define ALL_BUT_SELF   0xc4000u

#define PARK_FROM    5u /* vCPUs: as many as four a machine's processors bear */
#define SLICE_NS     200000u
#define SLEEP_MIN_NS 1000000u
#define SLEEP_MAX_NS 64000000u
#define LOOP_SIZE    64u /* bytes of code, more than a loop of the firmware has */

static void lapic_write(uint32_t offset, uint32_t v)
{
	mmio_write32(LAPIC + offset, v);
}

/* What is pending is taken and dropped: a CPU whose local APIC is off has no interrupts. */
static void take(void)
{
	__asm__ volatile("stgi; sti; nop; cli; clgi" ::: "memory");
	lapic_write(LAPIC_EOI, 0);
}

void park_wait(volatile uint32_t *go)
{
	lapic_write(LAPIC_SPURIOUS, SPURIOUS_RESET | ENABLED);
	while (!__atomic_load_n(go, __ATOMIC_ACQUIRE)) {
		__asm__ volatile("sti; hlt; cli" ::: "memory"); /* no interrupt between the two */
		lapic_write(LAPIC_EOI, 0);
	}
	lapic_write(LAPIC_SPURIOUS, SPURIOUS_RESET);
}

void park_wake_all(void)
{
	lapic_write(LAPIC_ICR_LOW, ALL_BUT_SELF | PARK_VECTOR);
}

void park_begin(struct cpu *c)
{
	if (the_td.vcpus < PARK_FROM)
		return;
	__asm__ volatile("clgi");
	c->park = (struct cpu_park){.on = true, .sleep = SLEEP_MIN_NS};
	c->vmcb.intercepts1 |= INTERCEPT1_INTR;
	c->vmcb.int_control = INT_CONTROL_MASKING;
	lapic_write(LAPIC_SPURIOUS, SPURIOUS_RESET | ENABLED);
	lapic_write(LAPIC_TIMER, PARK_VECTOR);
	lapic_write(LAPIC_DIVIDE, DIVIDE_BY_1);
	lapic_write(LAPIC_INITIAL, SLICE_NS);
}

void park_end(struct cpu *c)
{
	if (!c->park.on)
		return;
	c->park.on = false;
	lapic_write(LAPIC_INITIAL, 0);
	lapic_write(LAPIC_TIMER, TIMER_RESET);
	while (svm_port.interrupt_pending())
		take();
	lapic_write(LAPIC_DIVIDE, 0);
	lapic_write(LAPIC_SPURIOUS, SPURIOUS_RESET);
	c->vmcb.intercepts1 &= ~INTERCEPT1_INTR;
	c->vmcb.int_control = 0;
}

void park_slice_over(struct cpu *c)
{
	bool idle = c->vmcb.rip - c->park.rip + LOOP_SIZE < 2 * LOOP_SIZE && !c->park.busy;

	take();
	if (idle) {
		lapic_write(LAPIC_INITIAL, c->park.sleep);
		cpu_halt(c, false);
		take();
		if (c->park.sleep < SLEEP_MAX_NS)
			c->park.sleep *= 2;
	} else {
		c->park.sleep = SLEEP_MIN_NS;
	}
	c->park.rip = c->vmcb.rip;
	c->park.busy = false;
	lapic_write(LAPIC_INITIAL, SLICE_NS);
}
