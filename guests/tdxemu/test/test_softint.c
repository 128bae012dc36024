/* SPDX-License-Identifier: Apache-2.0 */
/* svm/softint.c: what an exit of INT3 and its kind comes to, by what memory has at RIP. */
#include "tdxemu/svm/decode.h"
#include "test/tests.h"

#define RIP     0x1000u
#define IDT     0x2000u
#define GP_SEEN 0x1234u
#define USER    3

static struct cpu cpu __attribute__((aligned(CPU_SIZE)));
static uint8_t memory[3 * 4096];
static uint32_t error; /* of the #GP */

void *memory_guest(uint64_t gpa, uint64_t size)
{
	return gpa <= sizeof(memory) - size ? memory + gpa : NULL;
}

int memory_translate(const struct vmcb *v, uint64_t va, uint64_t *ret)
{
	(void)v;
	*ret = va;
	return va < sizeof(memory) ? 0 : -1;
}

unsigned memory_fetch(const struct cpu *c, uint8_t *out, unsigned size)
{
	if (c->vmcb.rip > sizeof(memory) - size)
		return 0;
	memcpy(out, memory + c->vmcb.rip, size);
	return size;
}

uint64_t msr_read(uint32_t index)
{
	return index;
}

void cpu_inject_error(struct cpu *c, unsigned vector, uint32_t code)
{
	ck_assert_uint_eq(vector, VECTOR_GP);
	c->vmcb.event_inject = GP_SEEN;
	error = code;
}

static void setup(void)
{
	cpu.vmcb.efer = EFER_LMA;
	cpu.vmcb.cs.attributes = 0x200;
	cpu.vmcb.rip = RIP;
	cpu.vmcb.idtr.base = IDT;
}

static void meets(const char *code, size_t size)
{
	memcpy(memory + RIP, code, size);
	on_software_interrupt(&cpu);
}
#define MEETS(code) meets(code, sizeof(code) - 1)

TEST(breakpoint)
{
	MEETS("\xcc");
	ck_assert_uint_eq(cpu.vmcb.event_inject, VECTOR_BP | EVENT_EXCEPTION | EVENT_VALID);
	ck_assert_uint_eq(cpu.vmcb.rip, RIP + 1);
}

TEST(numbered)
{
	MEETS("\x48\xcd\x80");
	ck_assert_uint_eq(cpu.vmcb.event_inject, 0x80 | EVENT_SOFTWARE | EVENT_VALID);
	ck_assert_uint_eq(cpu.vmcb.rip, RIP + 3);
}

TEST(of_a_program)
{
	cpu.vmcb.cpl = USER;
	memory[IDT + VECTOR_BP * 16 + 5] = 0xee; /* a present interrupt gate for everybody */
	memory[IDT + 0x20 * 16 + 5] = 0x8e;      /* and one for the kernel */
	MEETS("\xcd\x20");
	ck_assert_uint_eq(cpu.vmcb.event_inject, GP_SEEN);
	ck_assert_uint_eq(error, 0x20 * 8 + 2);
	ck_assert_uint_eq(cpu.vmcb.rip, RIP);
	MEETS("\xcc");
	ck_assert_uint_eq(cpu.vmcb.event_inject, VECTOR_BP | EVENT_EXCEPTION | EVENT_VALID);
}

/* INTO is an instruction of 32-bit code; in 64-bit code no exit can come of it. */
TEST(overflow)
{
	MEETS("\xce");
	ck_assert_uint_eq(cpu.vmcb.event_inject, 0);
	cpu.vmcb.cs.attributes = 0;
	MEETS("\xce");
	ck_assert_uint_eq(cpu.vmcb.event_inject, VECTOR_OF | EVENT_EXCEPTION | EVENT_VALID);
	ck_assert_uint_eq(cpu.vmcb.rip, RIP + 1);
}

/* What replaced it runs: nothing is injected, RIP and memory stay. */
TEST(overwritten)
{
	static const uint8_t nop[] = {0x66, 0x90};

	MEETS("\x66\x90");
	ck_assert_uint_eq(cpu.vmcb.event_inject, 0);
	ck_assert_uint_eq(cpu.vmcb.rip, RIP);
	ck_assert_mem_eq(memory + RIP, nop, sizeof(nop));
	cpu.vmcb.rip =
	        sizeof(memory); /* and where no code is any more, the guest's own fault follows */
	on_software_interrupt(&cpu);
	ck_assert_uint_eq(cpu.vmcb.event_inject, 0);
}

TESTS("software interrupts", .apart = true, .setup = setup)
