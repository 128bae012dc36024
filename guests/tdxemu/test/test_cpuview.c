/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID and MSRs of a TD on a processor that, the fake's, claims to have everything. */
#include <check.h>
#include <stdlib.h>

#include "format/bytes.h"
#include "tdxemu/test/fake.h"
#include "test/golden.h"

#define EFER     0xc0000080u
#define HSAVE_PA 0xc0010117u

static void setup(void)
{
	fake_start(0);
}

static uint32_t cpuid_bit(uint32_t leaf, uint32_t subleaf, unsigned reg, unsigned bit)
{
	uint32_t r[4];

	td_cpuid(&td, leaf, subleaf, r);
	return r[reg] >> bit & 1;
}

START_TEST(is_a_td)
{
	uint32_t r[4];
	char text[13] = {0};

	td_cpuid(&td, 0x21, 0, r);
	memcpy(text, &r[1], 4);
	memcpy(text + 4, &r[3], 4);
	memcpy(text + 8, &r[2], 4);
	ck_assert_str_eq(text, "IntelTDX    ");
	td_cpuid(&td, 0, 0, r);
	ck_assert_uint_ge(r[0], 0x21);
}
END_TEST

START_TEST(no_nested_virtualisation)
{
	uint32_t r[4];

	ck_assert_uint_eq(cpuid_bit(1, 0, 2, 5), 0);          /* VMX */
	ck_assert_uint_eq(cpuid_bit(0x80000001, 0, 2, 2), 0); /* SVM */
	ck_assert_uint_eq(cpuid_bit(1, 0, 2, 31), 1);         /* hypervisor */
	ck_assert_uint_eq(cpuid_bit(1, 0, 2, 21), 1);         /* x2APIC */
	td_cpuid(&td, 0x8000000a, 0, r);
	ck_assert_uint_eq(r[0] | r[1] | r[2] | r[3], 0);
}
END_TEST

START_TEST(features_follow_attributes_and_xfam)
{
	uint32_t r[4];

	td_cpuid(&td, 0xd, 0, r);
	ck_assert_uint_eq(r[0], (uint32_t)td.info.xfam);
	ck_assert_uint_eq(r[2], 832); /* x87, SSE, header, AVX */
	td_cpuid(&td, 0xd, 9, r);     /* PKRU */
	ck_assert_uint_eq(r[0] | r[1] | r[2] | r[3], 0);
	td_cpuid(&td, 0xa, 0, r);
	ck_assert_uint_eq(r[0] | r[1] | r[2] | r[3], 0);
	ck_assert_uint_eq(cpuid_bit(7, 0, 2, 3), 0);  /* PKU */
	ck_assert_uint_eq(cpuid_bit(7, 0, 2, 31), 0); /* PKS */
	ck_assert_uint_eq(cpuid_bit(7, 0, 3, 24), 0); /* AMX */
	ck_assert_uint_eq(cpuid_bit(1, 0, 2, 3), 0);  /* MONITOR */
}
END_TEST

/* From the TDX module's CPUID tables. */
START_TEST(values)
{
	uint32_t r[4];

	td_cpuid(&td, 7, 0, r);
	ck_assert_uint_eq(r[0], 2);
	td_cpuid(&td, 0x80000007, 0, r);
	ck_assert_uint_eq(r[3], 1 << 8); /* invariant TSC */
	ck_assert_uint_eq(r[0] | r[1] | r[2], 0);
	td_cpuid(&td, 0x80000000, 0, r);
	ck_assert_uint_eq(r[0], 0x80000008);
	ck_assert_uint_eq(r[1] | r[2] | r[3], 0);
	td_cpuid(&td, 0x80000001, 0, r);
	ck_assert_uint_eq(r[0] | r[1], 0);
	td_cpuid(&td, 0, 0, r);
	ck_assert_uint_eq(r[0], 0x23);
}
END_TEST

START_TEST(leaves_that_give_ve)
{
	static const uint32_t ve[] = {6,    8,    9,          0xb,        0x16,
	                              0x1f, 0x24, 0x40000000, 0x40000001, 0x80000009};
	static const uint32_t ours[] = {0,   1,    2,    4,    7,          0xa,
	                                0xd, 0x15, 0x21, 0x23, 0x80000000, 0x80000008};

	for (unsigned i = 0; i < COUNT_OF(ve); i++)
		ck_assert(!td_cpuid_gives_ve(&td, ve[i]));
	fake_start(TDXEMU_FLAG_VE);
	for (unsigned i = 0; i < COUNT_OF(ve); i++)
		ck_assert(td_cpuid_gives_ve(&td, ve[i]));
	for (unsigned i = 0; i < COUNT_OF(ours); i++)
		ck_assert(!td_cpuid_gives_ve(&td, ours[i]));
	td.td_ctls = TD_CTLS_ENUM_TOPOLOGY;
	ck_assert(!td_cpuid_gives_ve(&td, 0xb));
	ck_assert(!td_cpuid_gives_ve(&td, 0x1f));
}
END_TEST

START_TEST(tsc_frequency)
{
	static const uint32_t khz[] = {100000,  1000000, 1895999, 2299969, 2300000, 2000200,
	                               2394374, 2445000, 4294967, 5200000, 10000000};
	uint32_t r[4];

	td_cpuid(&td, 0x15, 0, r); /* not known */
	ck_assert_uint_eq(r[0] | r[1] | r[2] | r[3], 0);
	for (unsigned i = 0; i < COUNT_OF(khz); i++) {
		td.tsc_khz = khz[i];
		td_cpuid(&td, 0x15, 0, r);
		/* as Linux reckons: near a simple ratio the next that fits 32 bits is far */
		ck_assert_uint_le(llabs((long long)(r[2] / 1000 * (uint64_t)r[1] / r[0]) - khz[i]),
		                  khz[i] / 8000);
		ck_assert_uint_le((uint64_t)(r[2] / 1000) * r[1], UINT32_MAX);
	}
}
END_TEST

START_TEST(leaves_the_cpu_has_not)
{
	static const uint32_t leaf[] = {0xe, 0x1f, 0x23, 0x50000000, 0x7fffffff, 0x80000009, ~0u};
	uint32_t r[4];

	for (unsigned i = 0; i < COUNT_OF(leaf); i++) {
		td_cpuid(&td, leaf[i], 0, r);
		ck_assert_uint_eq(r[0] | r[1] | r[2] | r[3], 0);
	}
}
END_TEST

START_TEST(svme_is_hidden)
{
	uint64_t v;

	ck_assert_int_eq(td_msr_read(&td, EFER, &v), TD_MSR_DONE);
	ck_assert_uint_eq(v, 0xd01);
	ck_assert_int_eq(td_msr_write(&td, EFER, 0x1d01), TD_MSR_GP);
	ck_assert_uint_eq(fake.msr_writes, 0);
	ck_assert_int_eq(td_msr_write(&td, EFER, 0xd01), TD_MSR_DONE);
	ck_assert_uint_eq(fake.msr_writes, 1);
}
END_TEST

START_TEST(what_leads_to_the_module)
{
	uint64_t v;

	ck_assert(td_msr_wanted(&td, HSAVE_PA));
	ck_assert(td_msr_wanted(&td, 0x1b));
	ck_assert(!td_msr_wanted(&td, 0xc0000100)); /* FS base */
	ck_assert_int_eq(td_msr_read(&td, 0x3a, &v), TD_MSR_DONE);
	ck_assert_uint_eq(v, 1); /* FEAT_CTL: locked, no VMX */
	ck_assert_int_eq(td_msr_write(&td, 0x3a, 5), TD_MSR_GP);
	ck_assert_int_eq(td_msr_read(&td, HSAVE_PA, &v), TD_MSR_GP);
	ck_assert_int_eq(td_msr_write(&td, HSAVE_PA, 0), TD_MSR_GP);
	ck_assert(!td_msr_write_by_vmcall(&td, HSAVE_PA, 0));
	ck_assert_int_eq(td_msr_read(&td, 0x1b, &v), TD_MSR_DONE);
	ck_assert_uint_eq(v, 0xfee00d00); /* x2APIC mode */
	ck_assert_int_eq(td_msr_write(&td, 0x1b, v), TD_MSR_DONE);
	ck_assert_int_eq(td_msr_write(&td, 0x1b, v ^ 0x1000), TD_MSR_GP);
	ck_assert(!td_msr_write_by_vmcall(&td, 0x1b, v ^ 0x1000));
	ck_assert_uint_eq(fake.msr_writes, 0);
}
END_TEST

/* A CPU that got an INIT or a SIPI would no longer be the module's. */
START_TEST(no_init_by_icr)
{
	static const struct {
		uint64_t icr;
		unsigned sent;
	} ipi[] = {
	        {0x000000fd, 1}, {0x1000008fd, 1}, {0x000c01fd, 1}, {0x00000400, 1},
	        {0x00040400, 1}, {0x00000200, 0},  {0x000003fd, 0}, {0x000c4500, 0},
	        {0x000c8500, 0}, {0x100004608, 0}, {0x000c0608, 0}, {0x00000700, 0},
	};

	ck_assert(td_msr_wanted(&td, 0x830));
	for (unsigned i = 0; i < COUNT_OF(ipi); i++) {
		fake.msr_writes = 0;
		ck_assert_int_eq(td_msr_write(&td, 0x830, ipi[i].icr), TD_MSR_DONE);
		ck_assert_uint_eq(fake.msr_writes, ipi[i].sent);
		ck_assert(td_msr_write_by_vmcall(&td, 0x830, ipi[i].icr));
		ck_assert_uint_eq(fake.msr_writes, 2 * ipi[i].sent);
	}
}
END_TEST

/* In both modes; Linux isolates page tables on an Intel processor without RDCL_NO. */
START_TEST(arch_capabilities)
{
	uint64_t v = 0;

	ck_assert_uint_eq(cpuid_bit(7, 0, 3, 29), 1);
	ck_assert(td_msr_wanted(&td, 0x10a));
	ck_assert_int_eq(td_msr_read(&td, 0x10a, &v), TD_MSR_DONE);
	ck_assert_uint_eq(v & 1, 1);      /* RDCL_NO */
	ck_assert_uint_eq(v >> 1 & 3, 0); /* IBRS_ALL, RSBA: no such control here */
	ck_assert_uint_eq(v >> 5 & 1, 1); /* MDS_NO */
	ck_assert_int_eq(td_msr_write(&td, 0x10a, v), TD_MSR_GP);
	ck_assert_uint_eq(fake.msr_writes, 0);
}
END_TEST

START_TEST(by_vmcall)
{
	uint64_t v;

	ck_assert(td_msr_read_by_vmcall(&td, 0x3a, &v));
	ck_assert_uint_eq(v, 1);
	ck_assert(td_msr_read_by_vmcall(&td, 0x1a0, &v));
	ck_assert(!td_msr_read_by_vmcall(&td, 0xdead, &v));
	ck_assert(!td_msr_read_by_vmcall(&td, 0x1000001a0, &v));
	ck_assert(!td_msr_write_by_vmcall(&td, 0x1a0, 0));
	ck_assert_uint_eq(fake.msr_writes, 0);
}
END_TEST

START_TEST(ve_mode)
{
	uint64_t v;

	fake_start(TDXEMU_FLAG_VE);
	ck_assert_int_eq(td_msr_read(&td, 0xdead, &v), TD_MSR_VE);
	ck_assert_int_eq(td_msr_write(&td, 0xdead, 0), TD_MSR_VE);
	/* Read before there is a handler for #VE; and what the kernel cannot do without. */
	ck_assert_int_eq(td_msr_read(&td, 0x1a0, &v), TD_MSR_DONE);
	ck_assert(td_msr_read_by_vmcall(&td, 0x401, &v));
	ck_assert_int_eq(td_msr_read(&td, 0x10b, &v), TD_MSR_GP);
	ck_assert_int_eq(td_msr_write(&td, 0x10a, 0), TD_MSR_GP);
	ck_assert_int_eq(td_msr_read(&td, 0x10a, &v), TD_MSR_DONE);
	ck_assert_int_eq(td_msr_read(&td, 0x802, &v), TD_MSR_DONE);
	ck_assert_int_eq(td_msr_write(&td, 0x802, 0), TD_MSR_GP); /* read-only */
	ck_assert_int_eq(td_msr_read(&td, 0x80b, &v), TD_MSR_GP); /* EOI: write-only */
	ck_assert_int_eq(td_msr_write(&td, 0x80b, 0), TD_MSR_DONE);
	ck_assert_int_eq(td_msr_read(&td, 0x831, &v), TD_MSR_GP); /* reserved */
	ck_assert_int_eq(td_msr_write(&td, 0x8ff, 0), TD_MSR_GP);
	ck_assert_uint_eq(cpuid_bit(1, 0, 2, 21), 1);
	ck_assert(!td_msr_wanted(&td, 0xc0000082)); /* LSTAR is native */
	ck_assert(td_msr_wanted(&td, 0xdead));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cpuview");
	TCase *c = tcase_create("cpuid and msr");

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, is_a_td);
	tcase_add_test(c, no_nested_virtualisation);
	tcase_add_test(c, features_follow_attributes_and_xfam);
	tcase_add_test(c, values);
	tcase_add_test(c, leaves_that_give_ve);
	tcase_add_test(c, tsc_frequency);
	tcase_add_test(c, leaves_the_cpu_has_not);
	tcase_add_test(c, svme_is_hidden);
	tcase_add_test(c, what_leads_to_the_module);
	tcase_add_test(c, no_init_by_icr);
	tcase_add_test(c, arch_capabilities);
	tcase_add_test(c, by_vmcall);
	tcase_add_test(c, ve_mode);
	suite_add_tcase(s, c);
	return golden_run(s);
}
