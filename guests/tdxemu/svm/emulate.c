/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions that each processor with TDX has and this CPU has not, or not right: they are #UD
 * here, which the module sees. CMPXCHG16B, MOVDIRI, MOVDIR64B, INVPCID as Intel SDM volume 2 has
 * them; and VMCALL and TDCALL, which leave a TD.
 */
#include "tdxemu/svm/decode.h"
#include "tdxemu/svm/log.h"

#define RFLAGS_ZF        (1ull << 6)
#define INVPCID_TYPES    4
#define INVPCID_RESERVED (~0xfffull)

#define IS(i, ...) \
	insn_is(i, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void invalid(struct cpu *c)
{
	cpu_inject(c, VECTOR_UD, 0);
}

static void general_protection(struct cpu *c)
{
	cpu_inject(c, VECTOR_GP, 1);
}

/*
 * One at a time, so they are atomic to each other; another CPU's plain access may come between the
 * halves.
 */
static void cmpxchg16b(struct cpu *c, const struct operand *o)
{
	static uint8_t lock;
	uint64_t *at;

	if (o->linear & 15) {
		general_protection(c);
		return;
	}
	at = access_for_write(c, o->linear, 16);
	if (!at)
		return;
	while (__atomic_test_and_set(&lock, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
	if (at[0] == c->vmcb.rax && at[1] == c->regs.rdx) {
		at[0] = c->regs.rbx;
		at[1] = c->regs.rcx;
		c->vmcb.rflags |= RFLAGS_ZF;
	} else {
		c->vmcb.rax = at[0];
		c->regs.rdx = at[1];
		c->vmcb.rflags &= ~RFLAGS_ZF;
	}
	__atomic_clear(&lock, __ATOMIC_RELEASE);
	cpu_advance(c, o->length);
}

static void movdiri(struct cpu *c, const struct insn *i, const struct operand *o)
{
	uint64_t v = *cpu_register(c, o->reg);

	if (access_copy(c, o->linear, &v, i->rex & 8 ? 8 : 4, true))
		cpu_advance(c, o->length);
}

static void movdir64b(struct cpu *c, const struct insn *i, const struct operand *o)
{
	uint64_t to = *cpu_register(c, o->reg);
	uint8_t bytes[64];

	if (!cpu_is_code64(c))
		to = (uint32_t)to + c->vmcb.es.base;
	else if (i->address)
		to = (uint32_t)to;
	if (to & 63)
		general_protection(c);
	else if (access_copy(c, o->linear, bytes, sizeof(bytes), false) &&
	         access_copy(c, to, bytes, sizeof(bytes), true))
		cpu_advance(c, o->length);
}

/* There are no PCIDs (CR4.PCIDE cannot be set), so each type is a flush of everything. */
static void invpcid(struct cpu *c, const struct operand *o)
{
	uint64_t type = *cpu_register(c, o->reg), descriptor[2];

	if (!cpu_is_code64(c))
		type = (uint32_t)type;
	if (c->vmcb.cpl > 0 || type >= INVPCID_TYPES) {
		general_protection(c);
		return;
	}
	if (!access_copy(c, o->linear, descriptor, sizeof(descriptor), false))
		return;
	if (descriptor[0] & INVPCID_RESERVED || (type < 2 && descriptor[0] != 0)) {
		general_protection(c);
		return;
	}
	c->vmcb.tlb_control = TLB_FLUSH_ALL;
	cpu_advance(c, o->length);
}

/* Those with a ModRM byte; whether it was one of them. */
static bool with_operand(struct cpu *c, const struct insn *i)
{
	bool rep = i->rep || i->repne;
	struct operand o;
	unsigned at;

	at = IS(i, 0x0f, 0xc7);
	if (at && insn_operand(c, i, at, &o) && o.memory && (o.reg & 7) == 1 && i->rex & 8 &&
	    !rep) {
		cmpxchg16b(c, &o);
		return true;
	}
	if (rep || i->lock)
		return false;
	at = IS(i, 0x0f, 0x38, 0xf9);
	if (at && !i->data16 && insn_operand(c, i, at, &o) && o.memory) {
		movdiri(c, i, &o);
		return true;
	}
	at = IS(i, 0x0f, 0x38, 0xf8);
	if (at && i->data16 && insn_operand(c, i, at, &o) && o.memory) {
		movdir64b(c, i, &o);
		return true;
	}
	at = IS(i, 0x0f, 0x38, 0x82);
	if (at && i->data16 && insn_operand(c, i, at, &o) && o.memory) {
		invpcid(c, &o);
		return true;
	}
	return false;
}

void on_undefined(struct cpu *c)
{
	struct insn i;
	unsigned length;
	bool odd;

	insn_fetch(c, &i);
	odd = i.lock || i.rep || i.repne;
	if ((length = IS(&i, 0x0f, 0x01, 0xcc)) && i.data16 && !odd) {
		if (c->vmcb.cpl > 0 || !cpu_is_code64(c))
			general_protection(c);
		else
			cpu_tdcall(c, length);
	} else if ((length = IS(&i, 0x0f, 0x01, 0xc1)) && !i.data16 && !odd) {
		cpu_inject_exit(c, VMX_REASON_VMCALL, 0, length);
	} else if (!with_operand(c, &i)) {
		invalid(c);
	}
}

/*
 * AMD's own instructions are #GP outside CPL 0 on this CPU, where SVM is on; on Intel's they are
 * undefined at every level: VMRUN, VMMCALL, VMLOAD, VMSAVE, STGI, CLGI, SKINIT, INVLPGA.
 */
static bool is_amd(const struct cpu *c)
{
	struct insn i;

	insn_fetch(c, &i);
	return i.have - i.opcode >= 3 && i.bytes[i.opcode] == 0x0f &&
	       i.bytes[i.opcode + 1] == 0x01 && (i.bytes[i.opcode + 2] & 0xf8) == 0xd8;
}

void on_general_protection(struct cpu *c)
{
	uint64_t interrupted = c->vmcb.exit_int_info;
	unsigned first = interrupted & 0xff;

	if (interrupted & EVENT_VALID && (interrupted & EVENT_TYPE) == EVENT_EXCEPTION) {
		if (first == VECTOR_DF)
			stop("the guest's triple fault");
		if (first == 0 || (first >= 10 && first <= 14)) { /* contributory, or #PF */
			cpu_inject(c, VECTOR_DF, 1);
			return;
		}
	}
	if (c->vmcb.cpl > 0 && !(interrupted & EVENT_VALID) && is_amd(c))
		invalid(c);
	else
		cpu_inject_error(c, VECTOR_GP, (uint32_t)c->vmcb.exit_info1);
}
