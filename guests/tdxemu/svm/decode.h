/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tdxemu/svm/cpu.h"

/*
 * The guest's instruction at RIP: SVM under TCG tells neither its bytes nor its length. Intel SDM
 * volume 2, chapter 2. The guest may change its code while we look: bytes are fetched once.
 */
#define INSTRUCTION_MAX 15 /* bytes */

struct insn {
	uint8_t bytes[INSTRUCTION_MAX];
	unsigned have;                          /* bytes that could be fetched */
	unsigned opcode;                        /* where prefixes end */
	bool lock, repne, rep, data16, address; /* prefixes F0 F2 F3 66 67 */
	uint8_t segment;                        /* the overriding prefix, 0 for none */
	uint8_t rex;                            /* 0 for none */
};

/* A ModRM byte and what follows it. */
struct operand {
	unsigned reg, rm; /* numbers of registers, with REX */
	bool memory;      /* else rm is a register */
	uint64_t linear;  /* the memory's linear address */
	unsigned length;  /* of the instruction, when nothing follows */
};

void insn_fetch(const struct cpu *c, struct insn *ret);
void insn_fetch_size(const struct cpu *c, struct insn *ret, uint64_t size); /* where it is known */
/* The length of prefixes and opcode if the opcode is this one, else 0. */
unsigned insn_is(const struct insn *i, const uint8_t *opcode, unsigned size);
/* `at`: where the ModRM byte is. False when bytes run out, or of 16-bit addressing. */
bool insn_operand(struct cpu *c, const struct insn *i, unsigned at, struct operand *ret);

/* Of a port access: whether the instruction has the port's number in it; and of INS and OUTS VMX's
 * instruction information, 0 for IN and OUT: SDM volume 3, table 28-8. */
bool insn_has_port(const struct insn *i);
uint32_t insn_port_information(const struct cpu *c, const struct insn *i);

/* General registers by their numbers in instructions: RAX RCX RDX RBX RSP RBP RSI RDI R8 ... */
uint64_t *cpu_register(struct cpu *c, unsigned number);

/* Whether the CPU is in 64-bit code. */
bool cpu_is_code64(const struct cpu *c);
/* The linear address of the code at RIP. */
uint64_t cpu_code_address(const struct cpu *c);

/*
 * Copies between `bytes` and the guest's memory at a linear address, with the guest's own
 * permissions and accessed bits. False after having injected #PF or #GP.
 */
bool access_copy(struct cpu *c, uint64_t linear, void *bytes, unsigned size, bool write);
/* The memory itself, `size` bytes that lie in one page, to be written; NULL after a fault. */
void *access_for_write(struct cpu *c, uint64_t linear, unsigned size);
