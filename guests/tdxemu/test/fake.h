/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <string.h>

#include "format/tdx.h"
#include "tdxemu/core/td.h"

/*
 * A machine of arrays for core/: 64 KiB of guest RAM at FAKE_RAM, and a record of what was asked.
 * After fake_start_pages() it is FAKE_LOW bytes at 0 and FAKE_HIGH at 4 GiB instead, both of them
 * twice, private and shared, and pages have states.
 */
#define FAKE_RAM    0x100000ull
#define FAKE_SIZE   0x10000ull
#define FAKE_LOW    (5ull << 20)
#define FAKE_HIGH   (2ull << 20)
#define FAKE_GIB4   (4ull << 30)
#define FAKE_PAGES  ((FAKE_LOW + FAKE_HIGH) / TD_PAGE_SIZE)
#define FAKE_STATES 4096 /* bytes, enough for td_pages_bytes() */

static struct td td;
static struct td_vcpu vcpu;
static struct tdxemu_mailbox mailbox;

/* Kept from one start to the next, but for what was touched: a fuzzer starts often. */
static struct {
	uint8_t byte[2][FAKE_LOW + FAKE_HIGH]; /* private, shared */
	bool touched[2][FAKE_PAGES];
} fake_memory;

static struct {
	uint8_t ram[FAKE_SIZE];
	uint8_t states[FAKE_STATES];
	unsigned remaps, interrupts;
	uint64_t remapped, remapped_size;
	uint32_t interrupted_vcpu;
	uint8_t interrupt_vector;
	bool interrupt_pending;
	bool lacks_cx16; /* as QEMU's CPU with cx16=off */
	unsigned rings, accesses, msr_writes;
	uint64_t last_write;
	uint32_t last_msr;
	jmp_buf stopped;
	char reason[200];
} fake;
static inline bool fake_inside(uint64_t gpa, uint64_t size, uint64_t start, uint64_t length)
{
	return gpa >= start && size <= length && gpa - start <= length - size;
}
static inline bool fake_owns(uint64_t gpa, uint64_t size)
{
	if (td.pages.enforced)
		return fake_inside(gpa, size, 0, FAKE_LOW) ||
		       fake_inside(gpa, size, FAKE_GIB4, FAKE_HIGH);
	return fake_inside(gpa, size, FAKE_RAM, FAKE_SIZE);
}
static inline void *fake_guest(uint64_t gpa, uint64_t size)
{
	uint64_t plain = gpa & ~TD_SHARED, at;
	bool shared = gpa & TD_SHARED;

	if (!fake_owns(plain, size))
		return NULL;
	if (!td.pages.enforced)
		return fake.ram + (plain - FAKE_RAM);
	at = plain < FAKE_LOW ? plain : plain - FAKE_GIB4 + FAKE_LOW;
	for (uint64_t i = at / TD_PAGE_SIZE; i <= (at + size - 1) / TD_PAGE_SIZE; i++)
		fake_memory.touched[shared][i] = true;
	return fake_memory.byte[shared] + at;
}
static inline void fake_remap(uint64_t gpa, uint64_t size)
{
	fake.remaps++;
	fake.remapped = gpa;
	fake.remapped_size = size;
}
static inline bool fake_interrupt_pending(void)
{
	return fake.interrupt_pending;
}
static inline void fake_interrupt(uint32_t vcpu_index, uint8_t vector)
{
	fake.interrupts++;
	fake.interrupted_vcpu = vcpu_index;
	fake.interrupt_vector = vector;
}
static inline uint32_t fake_in(uint16_t port, unsigned size)
{
	fake.accesses++;
	return size == 1 ? port & 0xffu : port;
}
static inline void fake_out(uint16_t port, unsigned size, uint32_t value)
{
	(void)port, (void)size;
	fake.accesses++;
	fake.last_write = value;
}
static inline bool fake_mmio_read(uint64_t gpa, unsigned size, uint64_t *ret)
{
	if (fake_owns(gpa, size))
		return false;
	fake.accesses++;
	*ret = 0x5a;
	return true;
}
static inline bool fake_mmio_write(uint64_t gpa, unsigned size, uint64_t value)
{
	if (fake_owns(gpa, size))
		return false;
	fake.accesses++;
	fake.last_write = value;
	return true;
}
static inline uint64_t fake_rdmsr(uint32_t index)
{
	return index == 0xc0000080u ? 0x1d01 : index == 0x1b ? 0xfee00900 : 0x77;
}
static inline void fake_wrmsr(uint32_t index, uint64_t value)
{
	fake.msr_writes++;
	fake.last_msr = index;
	fake.last_write = value;
}
/* A processor that has every feature, AMD's too, and basic leaves up to 0xd. */
static inline void fake_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	(void)subleaf;
	r[0] = r[1] = r[2] = r[3] = 0xffffffff;
	if (leaf == 0)
		r[0] = 0xd;
	if (leaf == 1 && fake.lacks_cx16)
		r[2] &= ~(1u << 13);
	if (leaf == 0xd && subleaf > 1) { /* AVX's area: 256 bytes at 576 */
		r[0] = 256;
		r[1] = 576;
	}
}
static inline void fake_ring(void)
{
	fake.rings++;
}
static inline void __attribute__((noreturn)) fake_stop(const char *reason)
{
	size_t n = strnlen(reason, sizeof(fake.reason) - 1);

	memcpy(fake.reason, reason, n);
	fake.reason[n] = '\0';
	longjmp(fake.stopped, 1);
}
static inline void fake_log(const char *text, uint64_t value)
{
	(void)text, (void)value;
}

static const struct td_port fake_port = {
        .guest = fake_guest,
        .owns = fake_owns,
        .remap = fake_remap,
        .interrupt_pending = fake_interrupt_pending,
        .interrupt = fake_interrupt,
        .port_in = fake_in,
        .port_out = fake_out,
        .mmio_read = fake_mmio_read,
        .mmio_write = fake_mmio_write,
        .msr_read = fake_rdmsr,
        .msr_write = fake_wrmsr,
        .cpuid = fake_cpuid,
        .ring = fake_ring,
        .stop = fake_stop,
        .log = fake_log,
};

static inline void fake_start(uint32_t flags)
{
	struct tdxemu_config c = {.magic = TDXEMU_CONFIG_MAGIC,
	                          .version = 1,
	                          .flags = flags,
	                          .attributes = TDX_ATTR_SEPT_VE_DISABLE,
	                          .vcpus = 2};

	memset(&fake, 0, sizeof(fake));
	memset(&mailbox, 0, sizeof(mailbox));
	memset(c.mrconfigid, 0xc1, sizeof(c.mrconfigid));
	memset(c.mrowner, 0xc2, sizeof(c.mrowner));
	memset(c.mrownerconfig, 0xc3, sizeof(c.mrownerconfig));
	memset(c.mac_key, 0x4b, sizeof(c.mac_key));
	td_init(&td, &c, &fake_port, &mailbox);
	vcpu = (struct td_vcpu){.index = 1};
}

static inline void fake_start_pages(void)
{
	fake_start(0);
	for (unsigned alias = 0; alias < 2; alias++) {
		for (unsigned i = 0; i < FAKE_PAGES; i++) {
			if (!fake_memory.touched[alias][i])
				continue;
			memset(fake_memory.byte[alias] + i * TD_PAGE_SIZE, 0, TD_PAGE_SIZE);
			fake_memory.touched[alias][i] = false;
		}
	}
	td_pages_init(&td.pages, FAKE_LOW, FAKE_HIGH, 0, fake.states);
}
