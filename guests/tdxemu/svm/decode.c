/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/svm/decode.h"

#define CS_LONG     0x200u /* attributes: 64-bit code */
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u

enum { RSP = 4, RBP = 5 };

bool cpu_is_code64(const struct cpu *c)
{
	return c->vmcb.efer & EFER_LMA && c->vmcb.cs.attributes & CS_LONG;
}

uint64_t cpu_code_address(const struct cpu *c)
{
	const struct vmcb *v = &c->vmcb;

	return cpu_is_code64(c) ? v->rip : (uint32_t)(v->rip + v->cs.base);
}

uint64_t *cpu_register(struct cpu *c, unsigned number)
{
	uint64_t *const at[16] = {
	        &c->vmcb.rax, &c->regs.rcx, &c->regs.rdx, &c->regs.rbx, &c->vmcb.rsp, &c->regs.rbp,
	        &c->regs.rsi, &c->regs.rdi, &c->regs.r8,  &c->regs.r9,  &c->regs.r10, &c->regs.r11,
	        &c->regs.r12, &c->regs.r13, &c->regs.r14, &c->regs.r15,
	};

	return at[number & 15];
}

static bool prefix(struct insn *i, uint8_t b)
{
	switch (b) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
		i->segment = b;
		return true;
	case 0x66:
		i->data16 = true;
		return true;
	case 0x67:
		i->address = true;
		return true;
	case 0xf0:
		i->lock = true;
		return true;
	case 0xf2:
		i->repne = true;
		return true;
	case 0xf3:
		i->rep = true;
		return true;
	default:
		return false;
	}
}

void insn_fetch(const struct cpu *c, struct insn *ret)
{
	insn_fetch_size(c, ret, INSTRUCTION_MAX);
}

void insn_fetch_size(const struct cpu *c, struct insn *ret, uint64_t size)
{
	bool code64 = cpu_is_code64(c);

	*ret = (struct insn){0};
	ret->have = memory_fetch(c, ret->bytes,
	                         size < INSTRUCTION_MAX ? (unsigned)size : INSTRUCTION_MAX);
	while (ret->opcode < ret->have) {
		uint8_t b = ret->bytes[ret->opcode];

		if (code64 && (b & 0xf0) == 0x40)
			ret->rex = b;
		else if (prefix(ret, b))
			ret->rex = 0; /* it counts right before the opcode only */
		else
			break;
		ret->opcode++;
	}
}

unsigned insn_is(const struct insn *i, const uint8_t *opcode, unsigned size)
{
	if (i->have - i->opcode < size || __builtin_memcmp(i->bytes + i->opcode, opcode, size) != 0)
		return 0;
	return i->opcode + size;
}

static uint64_t segment_base(const struct cpu *c, uint8_t override, bool stack)
{
	if (override == 0x64)
		return msr_read(MSR_FS_BASE);
	if (override == 0x65)
		return msr_read(MSR_GS_BASE);
	if (cpu_is_code64(c))
		return 0;
	switch (override) {
	case 0x26:
		return c->vmcb.es.base;
	case 0x2e:
		return c->vmcb.cs.base;
	case 0x36:
		return c->vmcb.ss.base;
	case 0x3e:
		return c->vmcb.ds.base;
	default:
		return stack ? c->vmcb.ss.base : c->vmcb.ds.base;
	}
}

bool insn_has_port(const struct insn *i)
{
	return i->opcode < i->have && (i->bytes[i->opcode] & 0xfc) == 0xe4;
}

/* 64-bit code knows no segments but FS and GS. */
static uint32_t segment_number(const struct insn *i, bool code64)
{
	static const uint8_t prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
	const uint32_t ds = 3;

	for (uint32_t n = code64 ? ds : 0; n < sizeof(prefixes); n++)
		if (i->segment == prefixes[n])
			return n;
	return ds;
}

/* Bits 9:7 are the size of an address, 16 bits and up; of OUTS 17:15 are the segment. */
uint32_t insn_port_information(const struct cpu *c, const struct insn *i)
{
	bool code64 = cpu_is_code64(c);
	uint8_t opcode = i->opcode < i->have ? i->bytes[i->opcode] : 0;
	uint32_t size = code64 ? 2 : 1;

	if (opcode < 0x6c || opcode > 0x6f)
		return 0;
	if (i->address)
		size--;
	return size << 7 | (opcode >= 0x6e ? segment_number(i, code64) << 15 : 0);
}

/* Signed, little-endian; false when it is not all there. */
static bool displacement(const struct insn *i, unsigned *at, unsigned size, uint64_t *sum)
{
	uint32_t v = 0;

	if (i->have - *at < size)
		return false;
	for (unsigned n = 0; n < size; n++)
		v |= (uint32_t)i->bytes[*at + n] << (8 * n);
	*sum += size == 1 ? (uint64_t)(int8_t)v : (uint64_t)(int32_t)v;
	*at += size;
	return true;
}

/* A SIB byte's part of the address; whether a 32-bit displacement takes the place of its base. */
static bool scaled(struct cpu *c, const struct insn *i, uint8_t sib, unsigned mod, uint64_t *sum,
                   unsigned *base)
{
	unsigned index = (sib >> 3 & 7) | (i->rex & 2u) << 2;

	*base = (sib & 7) | (i->rex & 1u) << 3;
	if (index != RSP)
		*sum += *cpu_register(c, index) << (sib >> 6);
	if ((sib & 7) == RBP && mod == 0)
		return true;
	*sum += *cpu_register(c, *base);
	return false;
}

static bool memory_operand(struct cpu *c, const struct insn *i, unsigned at, uint8_t modrm,
                           struct operand *ret)
{
	unsigned mod = modrm >> 6, base = ret->rm, size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	bool code64 = cpu_is_code64(c), relative = false;
	uint64_t sum = 0;

	if ((modrm & 7) == RSP) {
		if (at >= i->have)
			return false;
		if (scaled(c, i, i->bytes[at++], mod, &sum, &base))
			size = 4;
	} else if ((modrm & 7) == RBP && mod == 0) {
		relative = code64;
		base = 0;
		size = 4;
	} else {
		sum = *cpu_register(c, base);
	}
	if (size && !displacement(i, &at, size, &sum))
		return false;
	ret->length = at;
	if (relative)
		sum += c->vmcb.rip + at;
	if (!code64 || i->address)
		sum = (uint32_t)sum;
	ret->linear = sum + segment_base(c, i->segment, base == RSP || base == RBP);
	if (!code64)
		ret->linear = (uint32_t)ret->linear;
	return true;
}

bool insn_operand(struct cpu *c, const struct insn *i, unsigned at, struct operand *ret)
{
	uint8_t modrm;

	if (at >= i->have || (!cpu_is_code64(c) && i->address))
		return false;
	modrm = i->bytes[at];
	*ret = (struct operand){.reg = (modrm >> 3 & 7u) | (i->rex & 4u) << 1,
	                        .rm = (modrm & 7u) | (i->rex & 1u) << 3,
	                        .memory = modrm >> 6 != 3,
	                        .length = at + 1};
	return !ret->memory || memory_operand(c, i, at + 1, modrm, ret);
}
