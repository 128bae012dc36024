/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tdxemu/svm/decode.h"
#include "tdxemu/svm/insn.h"

#define GIB4        (4ull << 30)
#define PTE_P       1ull
#define PTE_RW      2ull
#define PTE_US      4ull
#define PTE_NX      (1ull << 63)
#define PTE_PS      0x80ull
#define PTE_ADDRESS 0x000ffffffffff000ull

/* The TD's RAM, and the firmware, which it sees at the end of the first 4 GiB. */
static struct {
	uint64_t low, high; /* bytes below and above 4 GiB */
	uint64_t firmware, firmware_size;
	uint64_t private, private_size; /* size 0: the shared memory is the private too */
} ram;

static uint64_t own(void)
{
	return GIB4 + ram.high;
}

void memory_init(const struct tdxemu_config *config)
{
	ram.low = config->low;
	ram.high = config->memory - config->low;
	ram.private = (own() + TDXEMU_MEMORY + TDXEMU_BLOCK - 1) & ~(TDXEMU_BLOCK - 1);
	ram.private_size = tdxemu_private_size(config);
}

void memory_set_firmware(uint64_t copy, uint64_t size)
{
	ram.firmware = copy;
	ram.firmware_size = size;
}

static int inside(uint64_t at, uint64_t size, uint64_t start, uint64_t length)
{
	return at >= start && size <= length && at - start <= length - size;
}

/* Where the TD's memory at `gpa` really is; false when not all of it is the TD's. */
static bool find(uint64_t gpa, uint64_t size, bool shared, uint64_t *ret)
{
	uint64_t window = GIB4 - ram.firmware_size;
	bool two = ram.private_size > 0;

	if (inside(gpa, size, 0, ram.low) || inside(gpa, size, GIB4, ram.high))
		/* we map physical memory as it is */
		*ret = two && !shared ? ram.private + td_pages_at(&the_td.pages, gpa, size) : gpa;
	else if (inside(gpa, size, window, ram.firmware_size) && two && shared)
		*ret = gpa; /* the ROM */
	else if (inside(gpa, size, window, ram.firmware_size))
		*ret = gpa - window + ram.firmware;
	else
		return false;
	return true;
}

void *memory_guest(uint64_t gpa, uint64_t size)
{
	uint64_t pa;

	return find(gpa & ~TD_SHARED, size, gpa & TD_SHARED, &pa) ? (void *)pa : NULL;
}

bool memory_owns(uint64_t gpa, uint64_t size)
{
	uint64_t pa;

	return find(gpa, size, true, &pa);
}

bool memory_is_module(uint64_t pa, uint64_t size)
{
	return pa < own() + TDXEMU_MEMORY + ram.private_size && pa + size > own();
}

/* Of the entries of all levels together: what each allows, and what one forbids. */
static unsigned rights_of(uint64_t allowed, uint64_t forbidden)
{
	return (allowed & PTE_US ? TD_ACCESS_USER : 0) |
	       (allowed & PTE_RW ? TD_ACCESS_WRITABLE : 0) |
	       (forbidden & PTE_NX ? TD_ACCESS_NO_EXECUTE : 0);
}

int memory_walk(const struct vmcb *v, uint64_t va, uint64_t *ret, unsigned *ret_rights)
{
	uint64_t table = v->cr3 & PTE_ADDRESS, mask, allowed = ~0ull, forbidden = 0;

	if (!(v->cr0 & CR0_PG)) {
		*ret = va;
		*ret_rights = rights_of(allowed, forbidden);
		return 0;
	}
	if (!(v->efer & EFER_LMA)) /* a TD never pages outside long mode for long */
		return -1;
	for (int level = 4; level > 0; level--) {
		unsigned shift = 12 + 9 * (unsigned)(level - 1);
		const uint64_t *at = memory_guest(table + (va >> shift & 511) * 8, 8);
		uint64_t entry = at ? __atomic_load_n(at, __ATOMIC_RELAXED) : 0;

		if (!(entry & PTE_P))
			return -1;
		allowed &= entry;
		forbidden |= entry;
		mask = (1ull << shift) - 1;
		table = entry & PTE_ADDRESS;
		if (level == 1 || (level < 4 && entry & PTE_PS)) {
			*ret = (table & ~mask) | (va & mask);
			*ret_rights = rights_of(allowed, forbidden);
			return 0;
		}
	}
	return -1;
}

int memory_translate(const struct vmcb *v, uint64_t va, uint64_t *ret)
{
	unsigned rights;

	return memory_walk(v, va, ret, &rights);
}

unsigned memory_fetch(const struct cpu *c, uint8_t *out, unsigned size)
{
	const struct vmcb *v = &c->vmcb;
	uint64_t linear = cpu_code_address(c), gpa = 0;
	unsigned n;

	for (n = 0; n < size; n++, linear++, gpa++) {
		const uint8_t *byte;

		if ((n == 0 || (linear & 4095) == 0) && memory_translate(v, linear, &gpa) < 0)
			break;
		byte = memory_guest(gpa, 1);
		if (!byte)
			break;
		out[n] = *byte;
	}
	return n;
}
