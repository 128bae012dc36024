/* SPDX-License-Identifier: Apache-2.0 */
/* Nested page faults: what VMX calls EPT violations. */
#include "format/bytes.h"
#include "tdxemu/svm/decode.h"
#include "tdxemu/svm/insn.h"
#include "tdxemu/svm/log.h"

/* Error code of #VMEXIT(NPF): volume 2, section 15.25.6. */
#define NPF_WRITE (1ull << 1)
#define NPF_FETCH (1ull << 4)
#define NPF_FINAL (1ull << 32) /* the address itself, not a page table on the way to it */
#define PAGE_MASK 4095ull

/*
 * A linear address that the instruction could have used. SVM tells only the physical one, #VE has
 * both: so the operands are looked at, and the guest's page tables say which of them it was.
 */

/* Where its ModRM byte is; 0 when the opcode has none with a memory operand of interest. */
static unsigned modrm_at(const struct insn *i)
{
	const uint8_t *opcode = i->bytes + i->opcode;

	if (i->have - i->opcode < 2)
		return 0;
	if (opcode[0] == 0x0f)
		return i->opcode + (opcode[1] == 0x38 || opcode[1] == 0x3a ? 3 : 2);
	return opcode[0] == 0xe8 || (opcode[0] >= 0xa0 && opcode[0] <= 0xaf) ? 0 : i->opcode + 1;
}

/* Its first byte in the page that faulted, or 0. */
static uint64_t matches(const struct cpu *c, uint64_t linear, uint64_t gpa)
{
	uint64_t at = linear, found;

	for (int page = 0; page < 2; page++) { /* an operand may cross into the next */
		if (memory_translate(&c->vmcb, at, &found) == 0 && !((found ^ gpa) & ~PAGE_MASK))
			return at;
		at = (linear | PAGE_MASK) + 1;
	}
	return 0;
}

static uint64_t linear_address(struct cpu *c, uint64_t gpa, bool fetch)
{
	const uint64_t implied[] = {c->regs.rdi, c->regs.rsi, c->vmcb.rsp - 8, c->vmcb.rsp};
	struct operand operand;
	uint64_t found = 0;
	struct insn insn;
	unsigned at;

	if (fetch)
		return c->vmcb.rip;
	if (!cpu_is_code64(c))
		return 0;
	insn_fetch(c, &insn);
	at = modrm_at(&insn);
	if (at && insn_operand(c, &insn, at, &operand) && operand.memory)
		found = matches(c, operand.linear, gpa);
	for (unsigned i = 0; !found && i < COUNT_OF(implied); i++)
		found = matches(c, implied[i], gpa);
	return found;
}

/* What VMX tells of the translation of an address that was reached by one. */
static unsigned of_translation(const struct cpu *c, uint64_t linear)
{
	unsigned rights;
	uint64_t gpa;

	return memory_walk(&c->vmcb, linear, &gpa, &rights) == 0 ? TD_ACCESS_FINAL | rights : 0;
}

void cpu_nested_fault(struct cpu *c)
{
	uint64_t gpa = c->vmcb.exit_info2, error = c->vmcb.exit_info1, plain = gpa & ~TD_SHARED;
	unsigned access = error & NPF_FETCH   ? TD_ACCESS_FETCH
	                  : error & NPF_WRITE ? TD_ACCESS_WRITE
	                                      : TD_ACCESS_READ;
	uint64_t linear;
	bool again;

	if (plain - LAPIC < LAPIC_SIZE)
		stop("the guest touched the xAPIC, which a TD has not");
	if (!the_td.pages.enforced || memory_is_module(plain, 1))
		stop("the guest touched memory that is not its own");
	linear = linear_address(c, gpa, error & NPF_FETCH);
	if (linear && error & NPF_FINAL)
		access |= of_translation(c, linear);
	cpu_lock();
	again = td_ept_violation(&the_td, &c->vcpu, gpa, access, linear);
	cpu_unlock();
	if (!again) {
		cpu_inject_ve(c, c->vcpu.due);
		c->vcpu.due.valid = false;
	}
}

bool cpu_reaches(struct cpu *c, uint64_t gpa, uint64_t linear, bool write)
{
	uint64_t page = gpa & ~TD_SHARED & ~PAGE_MASK;
	unsigned needed = gpa & TD_SHARED ? TD_PAGE_SHARED : TD_PAGE_ACCEPTED;
	unsigned access = write ? TD_ACCESS_WRITE : TD_ACCESS_READ;
	bool owned = memory_owns(page, 1), there, again;

	if (!the_td.pages.enforced || (!owned && !(the_td.flags & TDXEMU_FLAG_VE)))
		return true;
	cpu_lock();
	there = owned && td_page_state(&the_td.pages, page) & needed;
	again = there || td_ept_violation(&the_td, &c->vcpu, gpa,
	                                  access | of_translation(c, linear), linear);
	cpu_unlock();
	if (!again) {
		cpu_inject_ve(c, c->vcpu.due);
		c->vcpu.due.valid = false;
	}
	return there;
}
