/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's memory as its own instruction would reach it: for those that the module carries out. */
#include <string.h>

#include "tdxemu/svm/decode.h"
#include "tdxemu/svm/log.h"

#define PAGE        4096u
#define PTE_P       1ull
#define PTE_RW      2ull
#define PTE_US      4ull
#define PTE_A       0x20ull
#define PTE_D       0x40ull
#define PTE_PS      0x80ull
#define PTE_ADDRESS 0x000ffffffffff000ull /* with the shared bit */
#define CR0_WP      (1ull << 16)
#define CR4_SMAP    (1ull << 21)
#define RFLAGS_AC   (1ull << 18)

static bool page_fault(struct cpu *c, uint64_t linear, uint32_t error)
{
	c->vmcb.cr2 = linear;
	cpu_inject_error(c, VECTOR_PF, error | (c->vmcb.cpl == 3 ? 4u : 0));
	return false;
}

/* Whether a page with these rights, those of all levels together, may be accessed. */
static bool permitted(const struct cpu *c, uint64_t rights, bool write)
{
	bool user = c->vmcb.cpl == 3;

	if (user && !(rights & PTE_US))
		return false;
	if (!user && rights & PTE_US && c->vmcb.cr4 & CR4_SMAP && !(c->vmcb.rflags & RFLAGS_AC))
		return false;
	return !write || rights & PTE_RW || (!user && !(c->vmcb.cr0 & CR0_WP));
}

/* The four levels of long mode's tables. */
static bool walk(struct cpu *c, uint64_t linear, bool write, uint64_t *ret)
{
	uint64_t table = c->vmcb.cr3 & PTE_ADDRESS, rights = PTE_RW | PTE_US, *entry[4];
	int level = 4;
	uint64_t e, mask;

	for (;; level--) {
		unsigned shift = 12 + 9 * (unsigned)(level - 1);

		entry[4 - level] = memory_guest(table + (linear >> shift & 511) * 8, 8);
		if (!entry[4 - level])
			return page_fault(c, linear, write ? 2 : 0);
		e = __atomic_load_n(entry[4 - level], __ATOMIC_RELAXED);
		if (!(e & PTE_P))
			return page_fault(c, linear, write ? 2 : 0);
		rights &= e;
		table = e & PTE_ADDRESS;
		mask = (1ull << shift) - 1;
		if (level == 1 || (level < 4 && e & PTE_PS))
			break;
	}
	if (!permitted(c, rights, write))
		return page_fault(c, linear, write ? 3 : 1);
	for (int i = 0; i <= 4 - level; i++)
		__atomic_fetch_or(entry[i], i == 4 - level && write ? PTE_A | PTE_D : PTE_A,
		                  __ATOMIC_RELAXED);
	*ret = (table & ~mask) | (linear & mask);
	return true;
}

static bool translate(struct cpu *c, uint64_t linear, bool write, uint64_t *ret)
{
	if (!(c->vmcb.cr0 & CR0_PG)) {
		*ret = linear;
		return cpu_reaches(c, linear, linear, write);
	}
	if (!(c->vmcb.efer & EFER_LMA)) { /* a TD pages in long mode */
		cpu_inject(c, VECTOR_UD, 0);
		return false;
	}
	if ((uint64_t)((int64_t)(linear << 16) >> 16) != linear) {
		cpu_inject(c, VECTOR_GP, 1);
		return false;
	}
	return walk(c, linear, write, ret) && cpu_reaches(c, *ret, linear, write);
}

/* RAM is copied, a device gets writes of 8 or 4 bytes. */
static void copy(uint64_t gpa, uint8_t *bytes, unsigned size, bool write)
{
	uint8_t *ram = memory_guest(gpa, size);

	if (ram) {
		memcpy(write ? ram : bytes, write ? bytes : ram, size);
		return;
	}
	gpa &= ~TD_SHARED;
	for (unsigned step = size < 8 ? 4 : 8, n = 0; n < size; n += step) {
		uint64_t v = 0;

		memcpy(&v, bytes + n, step);
		if (gpa & (step - 1) || size % step ||
		    (write ? !svm_port.mmio_write(gpa + n, step, v)
		           : !svm_port.mmio_read(gpa + n, step, &v)))
			stop("the guest touched memory that is not its own");
		memcpy(bytes + n, &v, step);
	}
}

bool access_copy(struct cpu *c, uint64_t linear, void *bytes, unsigned size, bool write)
{
	unsigned first = PAGE - (linear & (PAGE - 1));
	uint64_t gpa, next = 0;

	if (first > size)
		first = size;
	if (!translate(c, linear, write, &gpa))
		return false;
	if (first < size && !translate(c, linear + first, write, &next))
		return false;
	copy(gpa, bytes, first, write);
	if (first < size)
		copy(next, (uint8_t *)bytes + first, size - first, write);
	return true;
}

void *access_for_write(struct cpu *c, uint64_t linear, unsigned size)
{
	uint64_t gpa;
	void *ret;

	if (!translate(c, linear, true, &gpa))
		return NULL;
	ret = memory_guest(gpa, size);
	if (!ret)
		stop("the guest touched memory that is not its own");
	return ret;
}
