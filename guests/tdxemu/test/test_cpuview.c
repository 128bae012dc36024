/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID of a TD, on a processor that, the fake's, claims to have everything. */
#include <stdlib.h>

#include "format/bytes.h"
#include "tdxemu/test/fake.h"
#include "test/golden.h"
#include "test/tests.h"

static struct td_cpu_state kernel, program;

static void setup(void)
{
	fake_start(0);
	td.td_ctls = 0;
	td.tsc_khz = 2300000;
	kernel = (struct td_cpu_state){.code64 = true, .index = 1};
	program = (struct td_cpu_state){.code64 = true, .index = 1, .cpl = 3};
}

static enum td_answer cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	return td_cpuid(&td, &vcpu, &kernel, leaf, subleaf, r);
}

static uint32_t cpuid_bit(uint32_t leaf, uint32_t subleaf, unsigned reg, unsigned bit)
{
	uint32_t r[4];

	ck_assert_int_eq(cpuid(leaf, subleaf, r), TD_ANSWER_DONE);
	return r[reg] >> bit & 1;
}

TEST(is_a_td)
{
	uint32_t r[4];
	char text[13] = {0};

	ck_assert_int_eq(cpuid(0x21, 0, r), TD_ANSWER_DONE);
	memcpy(text, &r[1], 4);
	memcpy(text + 4, &r[3], 4);
	memcpy(text + 8, &r[2], 4);
	ck_assert_str_eq(text, "IntelTDX    ");
	ck_assert_int_eq(cpuid(0, 0, r), TD_ANSWER_DONE);
	ck_assert_uint_ge(r[0], 0x21);
}

TEST(no_nested_virtualisation)
{
	ck_assert_uint_eq(cpuid_bit(1, 0, 2, 5), 0);          /* VMX */
	ck_assert_uint_eq(cpuid_bit(0x80000001, 0, 2, 2), 0); /* SVM */
	ck_assert_uint_eq(cpuid_bit(1, 0, 2, 31), 1);         /* hypervisor */
	ck_assert_uint_eq(cpuid_bit(1, 0, 2, 21), 1);         /* x2APIC */
}

TEST(features_follow_attributes_and_xfam)
{
	uint32_t r[4];

	ck_assert_int_eq(cpuid(0xd, 0, r), TD_ANSWER_DONE);
	ck_assert_uint_eq(r[0], (uint32_t)td.info.xfam);
	ck_assert_uint_eq(r[2], 832); /* x87, SSE, header, AVX */
	cpuid(0xd, 9, r);             /* PKRU */
	ck_assert_uint_eq(r[0] | r[1] | r[2] | r[3], 0);
	ck_assert_uint_eq(cpuid_bit(7, 0, 1, 16), 0); /* AVX512F */
	ck_assert_uint_eq(cpuid_bit(7, 0, 1, 25), 0); /* PT */
	ck_assert_uint_eq(cpuid_bit(7, 0, 2, 3), 0);  /* PKU */
	ck_assert_uint_eq(cpuid_bit(7, 0, 2, 7), 0);  /* CET */
	ck_assert_uint_eq(cpuid_bit(7, 0, 2, 31), 0); /* PKS */
	ck_assert_uint_eq(cpuid_bit(7, 0, 3, 5), 0);  /* UINTR */
	ck_assert_uint_eq(cpuid_bit(7, 0, 3, 19), 0); /* LBR */
	ck_assert_uint_eq(cpuid_bit(7, 0, 3, 24), 0); /* AMX */
	ck_assert_uint_eq(cpuid_bit(1, 0, 2, 3), 0);  /* MONITOR */
}

/* ---- against the table of Intel's module: cases/golden/tdx-module ---- */

struct golden_row {
	uint32_t leaf, subleaf, index, faults, one[4], zero[4], mask[4], value[4];
};

/* The next line; NULL at the end. */
static char *next_row(char *at, struct golden_row *ret)
{
	uint32_t *word = (uint32_t *)ret;

	if (!*at)
		return NULL;
	for (unsigned i = 0; i < sizeof(*ret) / sizeof(*word); i++)
		word[i] = (uint32_t)strtoull(at, &at, 0);
	ck_assert_int_eq(*at, '\n');
	return at + 1;
}

static char *golden_text(const char *name)
{
	struct golden g = golden_read(name);
	char *text = calloc(g.size + 1, 1);

	memcpy(text, g.data, g.size);
	golden_done(&g);
	return text;
}

/* What changes with the CPU's mode, and is among a row's zeros. */
static uint32_t changing(uint32_t leaf, uint32_t subleaf, unsigned reg)
{
	if (leaf == 1)
		return reg == 1 ? 0xff000000 : reg == 2 ? 1u << 27 : 0;
	if (leaf == 0xd && subleaf <= 1)
		return reg == 1 ? ~0u : 0;
	return leaf == 0x80000001 && reg == 3 ? 1u << 11 : 0;
}

TEST(against_the_modules_table)
{
	char *text = golden_text("tdx-module/cpuid"), *at = text;
	struct golden_row g;
	unsigned rows = 0;

	for (; (at = next_row(at, &g)); rows++) {
		uint32_t r[4] = {0}, subleaf = g.subleaf == ~0u ? 0 : g.subleaf;
		enum td_answer answer = cpuid(g.leaf, subleaf, r);

		ck_assert_msg((answer == TD_ANSWER_VE) == (g.faults != 0), "leaf %#x/%#x: #VE %d",
		              g.leaf, subleaf, answer);
		for (unsigned i = 0; i < 4 && answer == TD_ANSWER_DONE; i++) {
			uint32_t zero = g.zero[i] & ~changing(g.leaf, subleaf, i);

			ck_assert_msg((r[i] & g.one[i]) == g.one[i] && !(r[i] & zero),
			              "leaf %#x/%#x word %u: %#x, ones %#x, zeros %#x", g.leaf,
			              subleaf, i, r[i], g.one[i], zero);
		}
	}
	ck_assert_uint_eq(rows, 64);
	free(text);
}

/* TDCS.CPUID_VALUES are named by them. */
TEST(rows_of_the_modules_table)
{
	char *text = golden_text("tdx-module/cpuid"), *at = text;
	struct golden_row g;
	unsigned named = 0;

	while ((at = next_row(at, &g)))
		ck_assert(td_cpuid_has_row(g.leaf, g.subleaf));
	free(text);
	for (uint32_t leaf = 0; leaf < 256; leaf++)
		for (uint32_t subleaf = 0; subleaf < 128; subleaf++)
			named += td_cpuid_has_row((leaf & 0x7f) | (leaf & 0x80) << 24, subleaf);
	ck_assert_uint_eq(named, 128 * 22 + 42); /* 22 leaves of any subleaf, 42 of one */
	ck_assert(!td_cpuid_has_row(7, TD_CPUID_NO_SUBLEAF));
}

/* What the module refuses a processor without; but TCG's lacks PCID, and the TD has no
 * TSC deadline (the VMM's choice) and no PKS (ATTRIBUTES) or
 * LBR (XFAM). */
TEST(what_every_processor_with_tdx_has)
{
	char *text = golden_text("tdx-module/cpuid"), *at = text;
	struct golden_row g;

	while ((at = next_row(at, &g))) {
		uint32_t r[4], subleaf = g.subleaf == ~0u ? 0 : g.subleaf;

		if ((g.leaf != 1 && g.leaf != 7 && g.leaf < 0x80000000) ||
		    cpuid(g.leaf, subleaf, r) != TD_ANSWER_DONE)
			continue;
		for (unsigned i = 0; i < 4; i++) {
			uint32_t known = g.leaf == 1 && i == 2 ? 1u << 17 | 1u << 24
			                 : subleaf == 0 && g.leaf == 7 && i == 2 ? 1u << 31
			                 : subleaf == 0 && g.leaf == 7 && i == 3 ? 1u << 19
			                                                         : 0;
			uint32_t lacks = g.mask[i] & g.value[i] & ~g.zero[i] & ~r[i];

			ck_assert_msg(lacks == known, "leaf %#x/%#x word %u lacks %#x", g.leaf,
			              subleaf, i, lacks);
		}
	}
	free(text);
}

/* A guest that asks for #VE of one leaf by TDVPS.CPUID_CONTROL gets it for that one. */
TEST(control_by_leaf)
{
	char *text = golden_text("tdx-module/cpuid"), *at = text;
	struct golden_row g;

	while ((at = next_row(at, &g))) {
		uint32_t r[4], subleaf = g.subleaf == ~0u ? 0 : g.subleaf;

		if (g.faults)
			continue;
		memset(vcpu.cpuid_control, 3, sizeof(vcpu.cpuid_control));
		vcpu.cpuid_control[g.index] = TD_CPUIDVE_USER;
		ck_assert_int_eq(cpuid(g.leaf, subleaf, r), TD_ANSWER_DONE);
		ck_assert_int_eq(td_cpuid(&td, &vcpu, &program, g.leaf, subleaf, r), TD_ANSWER_VE);
		memset(vcpu.cpuid_control, 0, sizeof(vcpu.cpuid_control));
		vcpu.cpuid_control[g.index] = TD_CPUIDVE_SUPERVISOR;
		ck_assert_int_eq(cpuid(g.leaf, subleaf, r), TD_ANSWER_VE);
	}
	vcpu.cpuid_control[10] = 0;
	vcpu.cpuid_user_ve = 0x80; /* any bit */
	ck_assert_int_eq(cpuid(0, 0, (uint32_t[4]){0}), TD_ANSWER_DONE);
	ck_assert_int_eq(td_cpuid(&td, &vcpu, &program, 0, 0, (uint32_t[4]){0}), TD_ANSWER_VE);
	free(text);
}

TEST(leaves_that_give_ve)
{
	static const uint32_t ve[][2] = {
	        {2, 0},          {6, 0},          {9, 0},          {0xb, 0},        {0x10, 0},
	        {0x16, 0},       {0x18, 0},       {0x1f, 0},       {4, 5},          {7, 3},
	        {0xd, 19},       {0x14, 2},       {0x1d, 2},       {0x21, 1},       {0x23, 4},
	        {0x40000000, 0}, {0x4fffffff, 0}, {0x80000002, 0}, {0x80000004, 0}, {0x80000005, 0},
	        {0x80000006, 0},
	};
	uint32_t r[4];

	for (unsigned flags = 0; flags <= TDXEMU_FLAG_VE; flags += TDXEMU_FLAG_VE) {
		fake_start(flags);
		td.td_ctls = 0;
		for (unsigned i = 0; i < sizeof(ve) / sizeof(*ve); i++)
			ck_assert_int_eq(cpuid(ve[i][0], ve[i][1], r), TD_ANSWER_VE);
		td.td_ctls = TD_CTLS_ENUM_TOPOLOGY;
		ck_assert_int_eq(cpuid(0xb, 0, r), TD_ANSWER_DONE);
		ck_assert_int_eq(cpuid(0x1f, 0, r), TD_ANSWER_DONE);
		ck_assert_int_eq(cpuid(2, 0, r), TD_ANSWER_VE);
	}
}

/* Above the maximum of its range: as the last basic leaf. */
TEST(leaves_above_the_maximum)
{
	static const uint32_t leaf[] = {0x24, 0x3fffffff, 0x50000000, 0x7fffffff, 0x80000009, ~0u};
	uint32_t r[4];

	for (unsigned i = 0; i < COUNT_OF(leaf); i++) {
		ck_assert_int_eq(cpuid(leaf[i], 0, r), TD_ANSWER_DONE);
		ck_assert_uint_eq(r[0] | r[1] | r[2] | r[3], 0);
		ck_assert_int_eq(cpuid(leaf[i], 4, r), TD_ANSWER_VE);
	}
}

/* lkvs tdx-compliance, cases of #VE reduction. */
TEST(reduced_ve)
{
	uint32_t r[4];

	td.td_ctls = 0;
	ck_assert_uint_eq(cpuid_bit(1, 0, 3, 7) & cpuid_bit(1, 0, 3, 12) & cpuid_bit(1, 0, 3, 14),
	                  1);
	ck_assert_uint_eq(cpuid_bit(7, 0, 3, 30), 1);
	td.td_ctls = TD_CTLS_REDUCE_VE;
	ck_assert_uint_eq(cpuid_bit(7, 0, 3, 30), 0);
	ck_assert_uint_eq(cpuid_bit(1, 0, 3, 7) | cpuid_bit(1, 0, 3, 12) | cpuid_bit(1, 0, 3, 14),
	                  0);
	ck_assert_int_eq(cpuid(2, 0, r), TD_ANSWER_DONE);
	ck_assert_uint_eq(r[0], 0x00feff01);
	ck_assert_uint_eq(r[1] | r[2] | r[3], 0);
	ck_assert_int_eq(cpuid(6, 0, r), TD_ANSWER_DONE);
	ck_assert_uint_eq(r[0], 4);
	ck_assert_int_eq(cpuid(0xb, 0, r), TD_ANSWER_DONE);
	ck_assert_int_eq(cpuid(0x40000000, 0, r), TD_ANSWER_VE);
}

TEST(mode_of_the_cpu)
{
	uint32_t r[4];

	ck_assert_uint_eq(cpuid_bit(1, 0, 2, 27), 0);
	kernel.cr4 = 1 << 18;
	ck_assert_uint_eq(cpuid_bit(1, 0, 2, 27), 1); /* OSXSAVE */
	cpuid(1, 0, r);
	ck_assert_uint_eq(r[1] >> 24, 1); /* the vCPU's index */
	ck_assert_uint_eq(cpuid_bit(0x80000001, 0, 3, 11), 1);
	kernel.code64 = false;
	ck_assert_uint_eq(cpuid_bit(0x80000001, 0, 3, 11), 0); /* SYSCALL */
}

/* Programs always have it: where QEMU has it not, the module carries it out. */
TEST(cmpxchg16b)
{
	uint32_t r[4];

	fake.lacks_cx16 = true;
	ck_assert_uint_eq(cpuid_bit(1, 0, 2, 13), 0);
	ck_assert_int_eq(td_cpuid(&td, &vcpu, &program, 1, 0, r), TD_ANSWER_DONE);
	ck_assert_uint_eq(r[2] >> 13 & 1, 1);
	fake.lacks_cx16 = false;
	ck_assert_uint_eq(cpuid_bit(1, 0, 2, 13), 1);
}

TEST(tsc_frequency)
{
	static const uint32_t khz[] = {100000,  1000000, 1895999, 2299969, 2300000, 2000200,
	                               2394374, 2445000, 4294967, 5200000, 10000000};
	uint32_t r[4];

	for (unsigned i = 0; i < COUNT_OF(khz); i++) {
		td.tsc_khz = khz[i];
		cpuid(0x15, 0, r);
		ck_assert_uint_eq(r[0], 1);
		ck_assert_uint_eq(r[1], td_tsc_ratio(&td));
		ck_assert_uint_eq(r[2], td_crystal_hz(&td));
		ck_assert_uint_eq(r[3], 0);
		/* as Linux reckons */
		ck_assert_uint_le(llabs((long long)(r[2] / 1000 * (uint64_t)r[1]) - khz[i]),
		                  khz[i] / 400 + 1);
		ck_assert_uint_le((uint64_t)(r[2] / 1000) * r[1], UINT32_MAX);
		ck_assert_uint_le(llabs((long long)r[2] - 25000000), 25000000 / 8);
	}
	td.tsc_khz = 2300000;
	cpuid(0x15, 0, r);
	ck_assert_uint_eq(r[1], 92);
	ck_assert_uint_eq(r[2], 25000000);
	td.tsc_khz = 2095968; /* 0.2 % from 84 * 25 MHz */
	cpuid(0x15, 0, r);
	ck_assert_uint_eq(r[1], 84);
	ck_assert_uint_eq(r[2], 25000000);
	td.tsc_khz = 2394374; /* 0.23 %, 96 */
	ck_assert_uint_eq(td_crystal_hz(&td), 25000000);
	td.tsc_khz = 2390000; /* 0.4 %: as it is */
	ck_assert_uint_eq(td_crystal_hz(&td), 24895833);
}

TEST(by_vmcall)
{
	uint32_t r[4];

	td_cpuid_by_vmcall(&td, 0x40000000, 0, r);
	ck_assert_mem_eq(&r[1], "KVMKVMKVM\0\0\0", 12);
	td_cpuid_by_vmcall(&td, 0x80000002, 0, r);
	ck_assert_mem_eq(r, "Emulated TD", 11);
	td_cpuid_by_vmcall(&td, 6, 0, r);
	ck_assert_uint_eq(r[0], 4);
	td_cpuid_by_vmcall(&td, 0x21, 0, r);
	ck_assert_uint_eq(r[1], 0x65746e49);
	td_cpuid_by_vmcall(&td, 0x40000100, 0, r);
	ck_assert_uint_eq(r[0] | r[1] | r[2] | r[3], 0);
}

TESTS("cpuview", .apart = true, .setup = setup)
