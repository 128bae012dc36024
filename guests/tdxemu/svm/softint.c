/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INT3 and its kind, which come here only in a TD of several vCPUs. TCG before QEMU 8.1 may translate
 * an instruction while another CPU overwrites it, and keep the translation: the breakpoint of a
 * kernel that patches its own code is then met after it is gone, by a handler that knows it no
 * more ("Oops: int3"). So memory is asked again, and where it has another instruction by now, that
 * one runs.
 */
#include "tdxemu/svm/decode.h"

#define INT3      0xccu
#define INT_N     0xcdu
#define INTO      0xceu
#define GATE_SIZE 16u
#define GATE_DPL  5u /* the byte with the descriptor's privilege level, in bits 5 and 6 */
#define GP_IDT    2u /* of an error code: the selector is an interrupt's */

/* A write makes TCG forget what it translated from there. */
static void forget_translation(struct cpu *c)
{
	uint64_t gpa;
	const bool found = memory_translate(&c->vmcb, cpu_code_address(c), &gpa) == 0;
	uint8_t *code = found ? memory_guest(gpa, 1) : NULL;

	if (code)
		__asm__ volatile("lock orb $0, %0" : "+m"(*code)::"cc");
}

/* Whether the IDT lets this privilege level call it: Intel SDM volume 3, 6.12.1.2. */
static bool may_call(const struct cpu *c, unsigned vector)
{
	const struct vmcb *v = &c->vmcb;
	const uint8_t *dpl;
	uint64_t gpa;

	if (!v->cpl || memory_translate(v, v->idtr.base + vector * GATE_SIZE + GATE_DPL, &gpa) < 0)
		return true;
	dpl = memory_guest(gpa, 1);
	return !dpl || (unsigned)(*dpl >> 5 & 3) >= v->cpl;
}

static void deliver(struct cpu *c, unsigned vector, uint64_t type, unsigned length)
{
	if (!may_call(c, vector)) {
		cpu_inject_error(c, VECTOR_GP, vector * 8 + GP_IDT);
		return;
	}
	c->vmcb.rip += length;
	if (!cpu_is_code64(c))
		c->vmcb.rip = (uint32_t)c->vmcb.rip;
	c->vmcb.int_shadow = 0;
	c->vmcb.rflags &= ~RFLAGS_RF;
	c->vmcb.event_inject = vector | type | EVENT_VALID;
}

void on_software_interrupt(struct cpu *c)
{
	struct insn i;
	unsigned more; /* bytes from the opcode on */

	insn_fetch(c, &i);
	more = i.have - i.opcode;
	if (more >= 1 && i.bytes[i.opcode] == INT3)
		deliver(c, VECTOR_BP, EVENT_EXCEPTION, i.opcode + 1);
	else if (more >= 1 && i.bytes[i.opcode] == INTO && !cpu_is_code64(c))
		deliver(c, VECTOR_OF, EVENT_EXCEPTION, i.opcode + 1);
	else if (more >= 2 && i.bytes[i.opcode] == INT_N)
		deliver(c, i.bytes[i.opcode + 1], EVENT_SOFTWARE, i.opcode + 2);
	else
		forget_translation(c);
}
