/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TDXEMU_TEST_FAKE_H
#define TDXEMU_TEST_FAKE_H

#include <setjmp.h>
#include <string.h>

#include "format/tdx.h"
#include "tdxemu/core/td.h"

/* A machine of arrays for core/: 64 KiB of guest RAM at FAKE_RAM, and a record of what was asked.
 */
#define FAKE_RAM  0x100000ull
#define FAKE_SIZE 0x10000ull

static struct {
	uint8_t ram[FAKE_SIZE];
	unsigned rings, accesses, msr_writes;
	uint64_t last_write;
	uint32_t last_msr;
	jmp_buf stopped;
	char reason[200];
} fake;
static struct td td;
static struct td_vcpu vcpu;
static struct tdxemu_mailbox mailbox;

static inline bool fake_owns(uint64_t gpa, uint64_t size)
{
	return gpa >= FAKE_RAM && size <= FAKE_SIZE && gpa - FAKE_RAM <= FAKE_SIZE - size;
}
static inline void *fake_guest(uint64_t gpa, uint64_t size)
{
	return fake_owns(gpa, size) ? fake.ram + (gpa - FAKE_RAM) : NULL;
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

#endif
