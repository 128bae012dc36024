/* SPDX-License-Identifier: Apache-2.0 */
/* Nested page faults: what VMX calls EPT violations. */
#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"
#include "tdxemu/svm/log.h"

/* Error code of #VMEXIT(NPF): volume 2, section 15.25.6. */
#define NPF_WRITE (1ull << 1)
#define NPF_FETCH (1ull << 4)
#define PAGE_MASK 4095ull

#define REX_B     1u
#define REX_X     2u
#define REX_W     8u
#define INSN_MAX  15
#define CS_64_BIT 0x200u

/*
 * A linear address that the instruction could have used. SVM tells only the physical one, #VE has
 * both: so the operands are looked at, and the guest's page tables say which of them it was.
 */
struct code {
	uint8_t byte[INSN_MAX];
	unsigned have, at;
	uint8_t rex;
};

static uint64_t reg(const struct cpu *c, unsigned number)
{
	const struct td_regs *r = &c->regs;
	const uint64_t value[16] = {c->vmcb.rax, r->rcx, r->rdx, r->rbx, c->vmcb.rsp, r->rbp,
	                            r->rsi,      r->rdi, r->r8,  r->r9,  r->r10,      r->r11,
	                            r->r12,      r->r13, r->r14, r->r15};

	return value[number & 15];
}

static uint8_t next(struct code *code)
{
	return code->at < code->have ? code->byte[code->at++] : 0;
}

static bool is_legacy_prefix(uint8_t b)
{
	return (b >= 0x64 && b <= 0x67) || b == 0xf0 || b == 0xf2 || b == 0xf3 ||
	       (b & 0xe7) == 0x26;
}

/* Prefixes and opcode; false when the opcode has no ModRM byte with a memory operand of interest.
 */
static bool read_opcode(struct code *code)
{
	uint8_t b = next(code);

	while (is_legacy_prefix(b))
		b = next(code);
	if ((b & 0xf0) == 0x40) {
		code->rex = b;
		b = next(code);
	}
	if (b == 0x0f) {
		b = next(code);
		if (b == 0x38 || b == 0x3a)
			next(code);
		return true;
	}
	return b != 0xe8 && !(b >= 0xa0 && b <= 0xaf);
}

static int64_t displacement(struct code *code, unsigned size)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)next(code) << 8 * i;
	return size == 1 ? (int8_t)v : (int32_t)v;
}

static uint64_t sib(struct code *code, const struct cpu *c, unsigned mod, unsigned *ret_size)
{
	uint8_t b = next(code);
	unsigned base = (b & 7) | (code->rex & REX_B ? 8 : 0);
	unsigned index = (b >> 3 & 7) | (code->rex & REX_X ? 8 : 0);
	uint64_t at = index == 4 ? 0 : reg(c, index) << (b >> 6);

	if ((b & 7) == 5 && mod == 0)
		*ret_size = 4;
	else
		at += reg(c, base);
	return at;
}

/* The memory operand of ModRM; what follows a RIP-relative one is not known: up to 4 bytes. */
static bool operand(struct code *code, const struct cpu *c, uint64_t *ret)
{
	uint8_t b = next(code);
	unsigned mod = b >> 6, rm = b & 7, size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	bool rip = false;
	uint64_t at = 0;

	if (mod == 3)
		return false;
	if (rm == 4) {
		at = sib(code, c, mod, &size);
	} else if (rm == 5 && mod == 0) {
		rip = true;
		size = 4;
	} else {
		at = reg(c, rm | (code->rex & REX_B ? 8 : 0));
	}
	at += (uint64_t)displacement(code, size);
	*ret = rip ? at + c->vmcb.rip + code->at : at;
	return true;
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

static uint64_t linear_address(const struct cpu *c, uint64_t gpa, bool fetch)
{
	struct code code = {.have = memory_fetch(c, code.byte, INSN_MAX)};
	const uint64_t implied[] = {c->regs.rdi, c->regs.rsi, c->vmcb.rsp - 8, c->vmcb.rsp};
	uint64_t at, found = 0;

	if (fetch)
		return c->vmcb.rip;
	if (!(c->vmcb.cs.attributes & CS_64_BIT))
		return 0;
	if (read_opcode(&code) && operand(&code, c, &at))
		found = matches(c, at, gpa);
	for (unsigned i = 0; !found && i < sizeof(implied) / sizeof(*implied); i++)
		found = matches(c, implied[i], gpa);
	return found;
}

void cpu_nested_fault(struct cpu *c)
{
	uint64_t gpa = c->vmcb.exit_info2, error = c->vmcb.exit_info1, plain = gpa & ~TD_SHARED;
	enum td_access access = error & NPF_FETCH   ? TD_ACCESS_FETCH
	                        : error & NPF_WRITE ? TD_ACCESS_WRITE
	                                            : TD_ACCESS_READ;
	bool again;

	if (plain - LAPIC < LAPIC_SIZE)
		stop("the guest touched the xAPIC, which a TD has not");
	if (!the_td.pages.enforced || memory_is_module(plain, 1))
		stop("the guest touched memory that is not its own");
	cpu_lock();
	again = td_ept_violation(&the_td, &c->vcpu, gpa, access,
	                         linear_address(c, gpa, access == TD_ACCESS_FETCH));
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
	bool there, again;

	if (!the_td.pages.enforced || !memory_owns(page, 1))
		return true;
	cpu_lock();
	there = td_page_state(&the_td.pages, page) & needed;
	again = there || td_ept_violation(&the_td, &c->vcpu, gpa,
	                                  write ? TD_ACCESS_WRITE : TD_ACCESS_READ, linear);
	cpu_unlock();
	if (!again) {
		cpu_inject_ve(c, c->vcpu.due);
		c->vcpu.due.valid = false;
	}
	return there;
}
