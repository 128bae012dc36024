/* SPDX-License-Identifier: Apache-2.0 */
/* core/'s way to this machine: the part of a VMM's work that a TD asks for by TDG.VP.VMCALL. */
#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"
#include "tdxemu/svm/log.h"

/* Offsets in the local APIC's page: Intel SDM volume 3, table 11-1. */
#define LAPIC_PPR      0xa0
#define LAPIC_IRR      0x200 /* 32 vectors every 16 bytes */
#define LAPIC_ICR_LOW  0x300
#define LAPIC_ICR_HIGH 0x310
#define ICR_ASSERT     0x4000u

static uint32_t port_in(uint16_t port, unsigned size)
{
	return size == 1 ? in8(port) : size == 2 ? in16(port) : in32(port);
}

static void port_out(uint16_t port, unsigned size, uint32_t value)
{
	if (size == 1)
		out8(port, (uint8_t)value);
	else if (size == 2)
		out16(port, (uint16_t)value);
	else
		out32(port, value);
}

/*
 * Devices only: RAM is the guest's own to read, the module's is nobody's, and through the local
 * APIC's window any interrupt can be sent to any CPU.
 */
static bool is_device(uint64_t gpa, unsigned size)
{
	return !memory_owns(gpa, 1) && !memory_owns(gpa + size - 1, 1) &&
	       !memory_is_module(gpa, size) && (gpa < LAPIC || gpa >= LAPIC + LAPIC_SIZE);
}

static bool mmio_read(uint64_t gpa, unsigned size, uint64_t *ret)
{
	if (!is_device(gpa, size))
		return false;
	if (size == 1)
		*ret = *(volatile uint8_t *)gpa;
	else if (size == 2)
		*ret = *(volatile uint16_t *)gpa;
	else if (size == 4)
		*ret = *(volatile uint32_t *)gpa;
	else
		*ret = *(volatile uint64_t *)gpa;
	return true;
}

static bool mmio_write(uint64_t gpa, unsigned size, uint64_t value)
{
	if (!is_device(gpa, size))
		return false;
	if (size == 1)
		*(volatile uint8_t *)gpa = (uint8_t)value;
	else if (size == 2)
		*(volatile uint16_t *)gpa = (uint16_t)value;
	else if (size == 4)
		*(volatile uint32_t *)gpa = (uint32_t)value;
	else
		*(volatile uint64_t *)gpa = value;
	return true;
}

/* One that only waits for the guest: in the local APIC's request register, above its priority. */
static bool interrupt_pending(void)
{
	uint32_t priority = mmio_read32(LAPIC + LAPIC_PPR) & 0xf0;

	for (uint32_t i = 0; i < 8; i++) {
		uint32_t bits = mmio_read32(LAPIC + LAPIC_IRR + 16 * i);

		if (bits && ((32 * i + 31 - (uint32_t)__builtin_clz(bits)) & 0xf0) > priority)
			return true;
	}
	return false;
}

static void interrupt(uint32_t vcpu, uint8_t vector)
{
	mmio_write32(LAPIC + LAPIC_ICR_HIGH, vcpu << 24);
	mmio_write32(LAPIC + LAPIC_ICR_LOW, ICR_ASSERT | vector);
}

static void ring(void)
{
	out8(TDXEMU_DOORBELL_PORT, 'q');
}

static void log_value(const char *text, uint64_t value)
{
	log_line("%s: %x", text, value);
}

const struct td_port svm_port = {
        .guest = memory_guest,
        .owns = memory_owns,
        .remap = npt_remap,
        .interrupt_pending = interrupt_pending,
        .interrupt = interrupt,
        .port_in = port_in,
        .port_out = port_out,
        .mmio_read = mmio_read,
        .mmio_write = mmio_write,
        .msr_read = msr_read,
        .msr_write = msr_write,
        .cpuid = cpuid,
        .ring = ring,
        .stop = stop,
        .log = log_value,
};
