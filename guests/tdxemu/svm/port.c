/* SPDX-License-Identifier: Apache-2.0 */
/* core/'s way to this machine: the part of a VMM's work that a TD asks for by TDG.VP.VMCALL. */
#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"
#include "tdxemu/svm/log.h"

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

/* Whether an access by the module on the guest's behalf would reach RAM, the module's own included.
 */
static bool is_ram(uint64_t gpa)
{
	uint64_t high = the_td.mailbox ? (uint64_t)the_td.mailbox + 4096 : ~0ull;

	return memory_owns(gpa, 1) || (gpa >= 4ull << 30 && gpa < high);
}

static uint64_t mmio_read(uint64_t gpa, unsigned size)
{
	if (is_ram(gpa) || is_ram(gpa + size - 1))
		return ~0ull;
	switch (size) {
	case 1:
		return *(volatile uint8_t *)gpa;
	case 2:
		return *(volatile uint16_t *)gpa;
	case 4:
		return *(volatile uint32_t *)gpa;
	default:
		return *(volatile uint64_t *)gpa;
	}
}

static void mmio_write(uint64_t gpa, unsigned size, uint64_t value)
{
	if (is_ram(gpa) || is_ram(gpa + size - 1))
		return;
	switch (size) {
	case 1:
		*(volatile uint8_t *)gpa = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)gpa = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)gpa = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)gpa = value;
	}
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
