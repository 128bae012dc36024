/* SPDX-License-Identifier: Apache-2.0 */
/* RDMSR, WRMSR and the control registers of a TD. */
#include <stdlib.h>

#include "format/bytes.h"
#include "tdxemu/core/msr_table.h"
#include "tdxemu/test/fake.h"
#include "test/golden.h"
#include "test/tests.h"

#define EFER     0xc0000080u
#define HSAVE_PA 0xc0010117u
#define VE       TD_ANSWER_VE
#define GP       TD_ANSWER_GP
#define DONE     TD_ANSWER_DONE

static void setup(void)
{
	fake_start(0);
}

static enum td_answer rd(uint32_t index)
{
	uint64_t v;

	return td_msr_read(&td, &vcpu, index, &v);
}

static uint64_t value(uint32_t index)
{
	uint64_t v = 0;

	ck_assert_int_eq(td_msr_read(&td, &vcpu, index, &v), DONE);
	return v;
}

static enum td_answer wr(uint32_t index, uint64_t v)
{
	return td_msr_write(&td, &vcpu, index, v);
}

/* ---- against the table of Intel's module: cases/golden/tdx-module ---- */

struct golden_row {
	uint32_t first, last;
	char read[9], write[9];
};

static struct golden_row golden_rows[200];
static unsigned golden_count;

static void load(void)
{
	struct golden g = golden_read("tdx-module/msrs");
	char *text = calloc(g.size + 1, 1);

	memcpy(text, g.data, g.size);
	golden_count = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		struct golden_row *r = &golden_rows[golden_count++];

		ck_assert_uint_lt(golden_count, 200);
		ck_assert_int_eq(
		        sscanf(line, "%x %x %8s %8s", &r->first, &r->last, r->read, r->write), 4);
	}
	ck_assert_uint_eq(golden_count, 134);
	free(text);
	golden_done(&g);
}

static const char *golden_action(uint32_t index, bool write)
{
	for (unsigned i = 0; i < golden_count; i++)
		if (index >= golden_rows[i].first && index <= golden_rows[i].last)
			return write ? golden_rows[i].write : golden_rows[i].read;
	return "ve";
}

/* Where this module is not 1.5.01: a later release's, see lkvs tdx-compliance 1.5. */
static bool later_release(uint32_t index, bool write)
{
	return (index == 0x1b && !write) || index == 0x802 || (index == 0x803 && !write);
}

/*
 * The native ones of which the processor itself refuses one direction: command registers and x2APIC
 * registers of one direction, and what CPUID does not offer; Intel SDM volumes 3 and 4.
 */
static bool refused_natively(uint32_t index, bool write)
{
	if (index == 0x49 || index == 0x10b)
		return !write;
	if (index == 0xbd || index == 0x10a || index == 0x80a)
		return write;
	return write && (index == 0x809 || index == 0x80c || index == 0x80e ||
	                 (index >= 0x810 && index <= 0x827));
}

static bool right(uint32_t index, bool write, unsigned ours)
{
	const char *theirs = golden_action(index, write);

	if (later_release(index, write))
		return true;
	if (index == EFER && !write) /* native but for SVME */
		return ours == MSR_OURS;
	if (strcmp(theirs, "native") == 0)
		return refused_natively(index, write)
		               ? ours == MSR_GP
		               : ours == MSR_CPU || ours == MSR_KEPT || ours == MSR_APIC;
	if (strcmp(theirs, "rule") == 0)
		return ours == MSR_OURS;
	if (strcmp(theirs, "ve") == 0)
		return ours == MSR_VE || ours == MSR_VMM;
	return ours == MSR_GP; /* gp-or-ve: none of those features is configured */
}

TEST(against_the_modules_table)
{
	static const uint32_t first[] = {0, 0xc0000000, 0xc0010000, 0x40000000};

	load();
	for (unsigned r = 0; r < COUNT_OF(first); r++) {
		for (uint32_t i = first[r]; i < first[r] + 0x2000; i++) {
			const struct msr_row *row = msr_row(i);

			ck_assert_msg(right(i, false, row->read), "read of %#x: %u, not %s", i,
			              row->read, golden_action(i, false));
			ck_assert_msg(right(i, true, row->write), "write of %#x: %u, not %s", i,
			              row->write, golden_action(i, true));
		}
	}
}

/* Both profiles give the same answer, but for what the VMM has of the x2APIC. */
TEST(both_profiles)
{
	for (uint32_t i = 0; i < 0x2000; i++) {
		enum td_answer read, write;
		bool vmm = msr_row(i)->read == MSR_VMM;

		fake_start(0);
		read = rd(i), write = wr(i, 0);
		fake_start(TDXEMU_FLAG_VE);
		ck_assert_int_eq(rd(i), vmm ? VE : read);
		ck_assert_int_eq(wr(i, 0), vmm ? VE : write);
		ck_assert(!vmm || read != VE);
	}
}

TEST(what_the_cpu_does_itself)
{
	ck_assert(!td_msr_wanted(0xc0000100, true)); /* FS base */
	ck_assert(!td_msr_wanted(0xc0000082, true)); /* LSTAR */
	ck_assert(td_msr_wanted(0x10, false));       /* TSC: RDMSR of TCG does not have it */
	ck_assert(td_msr_wanted(0x10, true));
	ck_assert(td_msr_wanted(HSAVE_PA, false));
	ck_assert(td_msr_wanted(0xdead, true));
}

TEST(efer)
{
	ck_assert_uint_eq(value(EFER), 0xd01);  /* SVME is hidden */
	ck_assert_int_eq(wr(EFER, 0x1d01), VE); /* SVME */
	ck_assert_int_eq(wr(EFER, 0x501), VE);  /* NXE */
	ck_assert_int_eq(wr(EFER, 0xc01), VE);  /* LME */
	ck_assert_uint_eq(fake.msr_writes, 0);
	ck_assert_int_eq(wr(EFER, 0x901), DONE); /* LMA is not looked at */
	ck_assert_int_eq(wr(EFER, 0xd00), DONE); /* SCE */
	ck_assert_uint_eq(fake.msr_writes, 2);
	ck_assert(!td_msr_write_by_vmcall(&td, EFER, 0xd00));
}

TEST(what_leads_to_the_module)
{
	ck_assert_int_eq(rd(HSAVE_PA), VE);
	ck_assert_int_eq(wr(HSAVE_PA, 0), VE);
	ck_assert(!td_msr_write_by_vmcall(&td, HSAVE_PA, 0));
	ck_assert_uint_eq(value(0x1b), 0xfee00d00); /* x2APIC mode */
	ck_assert_int_eq(wr(0x1b, 0xfee00d00), VE);
	ck_assert(!td_msr_write_by_vmcall(&td, 0x1b, 0xfee00d00));
	ck_assert_uint_eq(fake.msr_writes, 0);
}

/* A CPU that got an INIT or a SIPI would no longer be the module's. */
TEST(no_init_by_icr)
{
	static const struct {
		uint64_t icr;
		unsigned sent;
	} ipi[] = {
	        {0x000000fd, 1}, {0x1000008fd, 1}, {0x000c01fd, 1}, {0x00000400, 1},
	        {0x00040400, 1}, {0x00000200, 0},  {0x000003fd, 0}, {0x000c4500, 0},
	        {0x000c8500, 0}, {0x100004608, 0}, {0x000c0608, 0}, {0x00000700, 0},
	};

	ck_assert(td_msr_wanted(0x830, true));
	for (unsigned i = 0; i < COUNT_OF(ipi); i++) {
		fake.msr_writes = 0;
		ck_assert_int_eq(wr(0x830, ipi[i].icr), DONE);
		ck_assert_uint_eq(fake.msr_writes, ipi[i].sent);
		ck_assert(td_msr_write_by_vmcall(&td, 0x830, ipi[i].icr));
		ck_assert_uint_eq(fake.msr_writes, 2 * ipi[i].sent);
	}
}

/* What release 1.5.01 leaves of them where TD_PARAMS configures none: src/common/helpers/
 * virt_msr_helpers.c. */
TEST(arch_capabilities)
{
	ck_assert_uint_eq(value(0x10a), 0xf16b);
	ck_assert_int_eq(wr(0x10a, 0xf16b), GP);
}

TEST(kept)
{
	ck_assert_int_eq(wr(0x48, 0x405), DONE);
	ck_assert_uint_eq(value(0x48), 0x405);
	ck_assert_int_eq(wr(0x48, 1 << 8), GP); /* DDPD_U is not offered */
	ck_assert_int_eq(wr(0x49, 1), DONE);
	ck_assert_int_eq(wr(0x49, 2), GP);
	ck_assert_int_eq(wr(0x600, 0xffff800000000000), DONE);
	ck_assert_uint_eq(value(0x600), 0xffff800000000000);
	ck_assert_int_eq(wr(0x600, 1ull << 47), GP);
	ck_assert_uint_eq(value(0x600), 0xffff800000000000);
	ck_assert_int_eq(wr(0xda0, 0), DONE);
	ck_assert_int_eq(wr(0xda0, 1 << 8), GP);
	ck_assert_int_eq(wr(0x1b01, 2), GP);
	ck_assert_uint_eq(fake.msr_writes, 0);
}

TEST(debugctl)
{
	ck_assert_int_eq(wr(0x1d9, 1 << 6), VE); /* TR without BTS */
	ck_assert_int_eq(wr(0x1d9, 1 << 6 | 1 << 7), DONE);
	ck_assert_int_eq(wr(0x1d9, 1 << 3), GP);
	ck_assert_int_eq(wr(0x1d9, 1 << 16), GP);
	ck_assert_uint_eq(value(0x1d9), 0xc0);
	ck_assert_int_eq(wr(0x1d9, 1 << 13 | 2), DONE);
	ck_assert_uint_eq(value(0x1d9), 2);
}

TEST(values)
{
	ck_assert_uint_eq(value(0x1a0) & (1 << 7), 0); /* no performance monitoring */
	ck_assert_uint_eq(value(0x1a0) >> 12 & 1, 1);  /* nor PEBS */
	ck_assert_uint_eq(value(0x345), 0);
	ck_assert_uint_eq(value(0xbd), 1);
	ck_assert_uint_eq(value(0x486), 0x20);
	ck_assert_uint_eq(value(0x487), 0x8005003f);
	ck_assert_uint_eq(value(0x488), 0x2040);
}

TEST(by_vmcall)
{
	uint64_t v;

	ck_assert(td_msr_read_by_vmcall(&td, 0x3a, &v));
	ck_assert_uint_eq(v, 1); /* FEAT_CTL: locked, no VMX */
	ck_assert(td_msr_read_by_vmcall(&td, 0x1a0, &v));
	ck_assert(td_msr_read_by_vmcall(&td, 0x401, &v));
	ck_assert(!td_msr_read_by_vmcall(&td, 0x17, &v));
	ck_assert(!td_msr_read_by_vmcall(&td, 0xdead, &v));
	ck_assert(!td_msr_read_by_vmcall(&td, 0x1000001a0, &v));
	ck_assert(!td_msr_read_by_vmcall(&td, 0x808, &v)); /* the virtual APIC page's */
	ck_assert(!td_msr_read_by_vmcall(&td, 0x83a, &v)); /* reserved */
	ck_assert(!td_msr_write_by_vmcall(&td, 0x1a0, 0));
	ck_assert(!td_msr_write_by_vmcall(&td, 0x80b, 0));
	ck_assert_uint_eq(fake.msr_writes, 0);
}

TEST(x2apic)
{
	ck_assert_int_eq(wr(0x802, 0), GP);
	ck_assert_int_eq(wr(0x80b, 0), DONE);
	ck_assert_int_eq(wr(0x80b, 1), GP);
	ck_assert_uint_eq(value(0x80b), 0);
	ck_assert_int_eq(wr(0x808, 0x100), GP);
	ck_assert_int_eq(rd(0x831), GP);
	ck_assert_int_eq(rd(0x83a), GP);
}

/* ---- control registers ---- */

#define CR0_PE 1ull
#define CR0_NE (1ull << 5)
#define CR0_WP (1ull << 16)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)

static struct td_cpu_state linux_state(void)
{
	return (struct td_cpu_state){
	        .cr0 = 0x80050033, .cr4 = 0x350ef0, .efer = 0xd01, .code64 = true};
}

static enum td_answer cr0(uint64_t set, uint64_t clear)
{
	struct td_cpu_state s = linux_state(), before = s;
	enum td_answer answer = td_cr0_write(&s, (s.cr0 | set) & ~clear);

	if (answer != DONE)
		ck_assert_mem_eq(&s, &before, sizeof(s));
	return answer;
}

static enum td_answer cr4(uint64_t flip)
{
	struct td_cpu_state s = linux_state(), before = s;
	enum td_answer answer = td_cr4_write(&td, &s, s.cr4 ^ flip);

	if (answer == DONE)
		ck_assert_uint_eq(s.cr4, before.cr4 ^ flip);
	else
		ck_assert_mem_eq(&s, &before, sizeof(s));
	return answer;
}

/* lkvs tdx-compliance, cases CR0_* and CR4_*. */
TEST(control_registers_by_lkvs)
{
	ck_assert_int_eq(cr0(0, CR0_PE), GP);
	ck_assert_int_eq(cr0(0, CR0_NE), GP);
	ck_assert_int_eq(cr0(0, CR0_PE | CR0_PG), VE);
	ck_assert_int_eq(cr0(CR0_NW, 0), VE);
	ck_assert_int_eq(cr0(CR0_CD, 0), VE);
	ck_assert_int_eq(cr4(1 << 13), VE); /* VMXE */
	ck_assert_int_eq(cr4(1 << 14), VE); /* SMXE */
	ck_assert_int_eq(cr4(1 << 6), VE);  /* MCE */
	ck_assert_int_eq(cr4(1 << 19), GP); /* KL */
	ck_assert_int_eq(cr4(1 << 24), GP); /* PKS */
	ck_assert_int_eq(cr4(1 << 22), GP); /* PKE */
	ck_assert_int_eq(cr4(1 << 23), GP); /* CET */
	ck_assert_int_eq(cr4(1 << 25), GP); /* UINTR */
}

TEST(control_registers)
{
	struct td_cpu_state s = linux_state();

	ck_assert_int_eq(cr0(1ull << 32, 0), GP);
	ck_assert_int_eq(cr0(0, CR0_PG), GP); /* in 64-bit code */
	ck_assert_int_eq(cr0(8, 0), DONE);    /* TS */
	ck_assert_int_eq(td_cr0_write(&s, (s.cr0 & ~CR0_WP) | 0x1ffaffc0 | CR0_NE), DONE);
	ck_assert_uint_eq(s.cr0, 0x80040033); /* what cannot be written is not */
	ck_assert_int_eq(cr4(1 << 7), DONE);  /* PGE */
	ck_assert_int_eq(cr4(1 << 5), GP);    /* PAE in long mode */
	ck_assert_int_eq(cr4(1 << 17), GP);   /* PCIDE: CPUID does not offer it */
	ck_assert_int_eq(cr4(1 << 12), GP);   /* LA57 */
	ck_assert_int_eq(cr4(1ull << 40), GP);
	/* What is not legal at all counts first. */
	ck_assert_int_eq(cr4(1 << 13 | 1 << 24), GP);
	ck_assert_int_eq(cr0(CR0_CD, CR0_NE), GP);
}

/* TDVF's way from its first instruction to long mode. */
TEST(into_long_mode)
{
	struct td_cpu_state s = {.cr0 = 0x21, .cr4 = 0x40, .efer = 0x901};

	ck_assert_int_eq(td_cr0_write(&s, s.cr0 | CR0_PG), GP); /* without PAE */
	ck_assert_int_eq(td_cr4_write(&td, &s, 0x660), DONE);
	ck_assert_int_eq(td_cr0_write(&s, s.cr0 | CR0_PG | CR0_WP), DONE);
	ck_assert_uint_eq(s.efer, 0xd01);
	ck_assert_uint_eq(s.cr0, 0x80010021);
	ck_assert_int_eq(td_cr0_write(&s, 0x21), DONE);
	ck_assert_uint_eq(s.efer, 0x901);
}

TESTS("msr", .apart = true, .setup = setup)
