/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/svm/cpu.h"

#define INSTRUCTION_MAX 15 /* bytes */

static bool is_prefix(uint8_t b)
{
	switch (b) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64 ... 0x67:
	case 0xf0:
	case 0xf2:
	case 0xf3:
	case 0x40 ... 0x4f: /* REX */
		return true;
	default:
		return false;
	}
}

/* The length of prefixes and opcode; `prefix`, unless 0, must be among the prefixes. */
static unsigned match(const struct cpu *c, uint8_t prefix, const uint8_t *opcode, unsigned size)
{
	uint8_t bytes[INSTRUCTION_MAX];
	unsigned have = memory_fetch(c, bytes, sizeof(bytes)), n = 0;
	bool found = prefix == 0;

	for (; n < have && is_prefix(bytes[n]); n++)
		found |= bytes[n] == prefix;
	if (!found || have - n < size || __builtin_memcmp(bytes + n, opcode, size) != 0)
		return 0;
	return n + size;
}

unsigned decode_tdcall(const struct cpu *c)
{
	return match(c, 0x66, (const uint8_t[]){0x0f, 0x01, 0xcc}, 3);
}

unsigned decode_cpuid(const struct cpu *c)
{
	return match(c, 0, (const uint8_t[]){0x0f, 0xa2}, 2);
}

unsigned decode_msr(const struct cpu *c)
{
	return match(c, 0, (const uint8_t[]){0x0f, c->vmcb.exit_info1 & 1 ? 0x30 : 0x32}, 2);
}

unsigned decode_hlt(const struct cpu *c)
{
	return match(c, 0, (const uint8_t[]){0xf4}, 1);
}
