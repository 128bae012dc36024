/* SPDX-License-Identifier: Apache-2.0 */
/* The registers with which a TD's vCPU starts. */
#include "tdxemu/svm/cpu.h"
#include "tdxemu/test/fake.h"
#include "test/tests.h"

#define HOB 0x809000ull

static struct cpu cpu __attribute__((aligned(CPU_SIZE)));

static void setup(void)
{
	fake_start(0);
	memset(&cpu, 0, sizeof(cpu));
	cpu.vcpu.index = 1;
	cpu_entry_state(&td, &cpu, HOB);
}

TEST(general_registers)
{
	const struct td_regs expected = {
	        .rbx = 48, .rcx = HOB, .r8 = HOB, .rdx = 0x0fff3fff, .rsi = 1};

	ck_assert_mem_eq(&cpu.regs, &expected, sizeof(expected));
	ck_assert_uint_eq(cpu.vmcb.rax | cpu.vmcb.rsp, 0);
	ck_assert_uint_eq(cpu.vmcb.rip, 0xfffffff0);
}

TEST(control_registers)
{
	ck_assert_uint_eq(cpu.vmcb.cr0, 0x21);
	ck_assert_uint_eq(cpu.vmcb.cr4, 0x40);
	ck_assert_uint_eq(cpu.vmcb.efer & ~EFER_SVME, 0x901);
	ck_assert_uint_eq(cpu.vmcb.fmask, 0x20200);
}

TEST(segments)
{
	const struct vmcb_segment *const flat[] = {&cpu.vmcb.cs, &cpu.vmcb.ds, &cpu.vmcb.es,
	                                           &cpu.vmcb.fs, &cpu.vmcb.gs, &cpu.vmcb.ss};

	for (unsigned i = 0; i < 6; i++) {
		ck_assert_uint_eq(flat[i]->selector, 0);
		ck_assert_uint_eq(flat[i]->base, 0);
		ck_assert_uint_eq(flat[i]->limit, 0xffffffff);
		ck_assert_uint_eq(flat[i]->attributes, i == 0 ? 0xc9b : 0xc93);
	}
	ck_assert_uint_eq(cpu.vmcb.gdtr.limit, 0xffff);
	ck_assert_uint_eq(cpu.vmcb.idtr.limit, 0); /* nothing can be delivered yet */
	ck_assert_uint_eq(cpu.vmcb.tr.limit, 0xffff);
	ck_assert_uint_eq(cpu.vmcb.tr.attributes, 0x8b);
}

TESTS("entry", .apart = true, .setup = setup)
