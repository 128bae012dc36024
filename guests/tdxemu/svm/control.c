/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's writes of CR0 and CR4, which are core/'s to judge; and of CR3, where QEMU's is wrong. */
#include "tdxemu/svm/decode.h"
#include "tdxemu/svm/log.h"

#define LMSW_BITS 0xeull /* TS, EM, MP; PE can only be set, and is */

struct td_cpu_state cpu_state(const struct cpu *c)
{
	return (struct td_cpu_state){
	        .cr0 = c->vmcb.cr0,
	        .cr4 = c->vmcb.cr4,
	        .efer = c->vmcb.efer & ~EFER_SVME,
	        .index = c->vcpu.index,
	        .cpl = c->vmcb.cpl,
	        .code64 = cpu_is_code64(c),
	};
}

static void set_state(struct cpu *c, const struct td_cpu_state *s)
{
	c->vmcb.cr0 = s->cr0;
	c->vmcb.cr4 = s->cr4;
	c->vmcb.efer = s->efer | EFER_SVME;
	c->vmcb.tlb_control = TLB_FLUSH_ALL;
}

/* MOV to a control register at RIP: its number, the general register's and the length, or 0. */
static unsigned mov_to_cr(struct cpu *c, const struct insn *i, unsigned *cr, unsigned *gpr)
{
	unsigned at = insn_is(i, (const uint8_t[]){0x0f, 0x22}, 2);
	struct insn as_register = *i;
	struct operand o;

	if (!at || at >= i->have)
		return 0;
	as_register.bytes[at] |= 0xc0; /* the processor does not look at mod */
	if (!insn_operand(c, &as_register, at, &o))
		return 0;
	*cr = o.reg;
	*gpr = o.rm;
	return o.length;
}

/* LMSW's source. False when it is none, or after a fault. */
static bool lmsw(struct cpu *c, const struct insn *i, uint64_t *value, unsigned *length)
{
	unsigned at = insn_is(i, (const uint8_t[]){0x0f, 0x01}, 2);
	struct operand o;
	uint16_t word = 0;

	if (!at || !insn_operand(c, i, at, &o) || (o.reg & 7) != 6) {
		cpu_inject(c, VECTOR_UD, 0);
		return false;
	}
	if (!o.memory)
		word = (uint16_t)*cpu_register(c, o.rm);
	else if (!access_copy(c, o.linear, &word, sizeof(word), false))
		return false;
	*value = (c->vmcb.cr0 & ~LMSW_BITS) | (word & LMSW_BITS);
	*length = o.length;
	return true;
}

void on_cr_write(struct cpu *c, unsigned number)
{
	struct td_cpu_state s = cpu_state(c);
	unsigned cr = 0, gpr = 0, length;
	uint64_t value, qualification = 0;
	enum td_answer answer;
	struct insn i;

	insn_fetch(c, &i);
	length = i.lock ? 0 : mov_to_cr(c, &i, &cr, &gpr);
	if (length && cr == number) {
		value = *cpu_register(c, gpr);
		if (!s.code64)
			value = (uint32_t)value;
		qualification = number | gpr << 8;
	} else if (number != 0 || i.lock) {
		cpu_inject(c, VECTOR_UD, 0);
		return;
	} else if (!lmsw(c, &i, &value, &length)) {
		return;
	}
	answer = number == 0 ? td_cr0_write(&s, value) : td_cr4_write(&the_td, &s, value);
	if (answer == TD_ANSWER_GP) {
		cpu_inject(c, VECTOR_GP, 1);
	} else if (answer == TD_ANSWER_VE) {
		cpu_inject_exit(c, VMX_REASON_CR, qualification, length);
	} else {
		set_state(c, &s);
		cpu_advance(c, length);
	}
}

/*
 * QEMU's TCG leaves the guest with VMEXIT_INVALID, as if VMRUN had failed, where MOV to CR3 sets
 * reserved bits: #GP(0) on a processor. When VMRUN itself refuses the guest's state there is no
 * such instruction, or the event that we injected is still to be delivered.
 */
void on_invalid(struct cpu *c)
{
	unsigned cr = 0, gpr = 0;
	struct insn i;

	insn_fetch(c, &i);
	if (c->vmcb.exit_int_info & EVENT_VALID || !mov_to_cr(c, &i, &cr, &gpr) || cr != 3)
		stop("VMRUN refuses the guest's state");
	cpu_inject(c, VECTOR_GP, 1);
}
