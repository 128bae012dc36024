/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "format/sha2.h"
#include "tdxemu/test/fake.h"

/* Statuses are written out as the ABI specification prints them, not through td.h's names. */
#define INVALID_RAX 0xc000010000000000ull
#define INVALID_RCX 0xc000010000000001ull
#define INVALID_RDX 0xc000010000000002ull
#define INVALID_R8  0xc000010000000008ull

static const uint8_t key[32] = {[0 ... 31] = 0x4b};

static void setup(void)
{
	fake_start(0);
}

static uint64_t call(struct td_regs *r)
{
	td_call(&td, &vcpu, r);
	return r->rax;
}

static uint64_t call3(uint64_t leaf, uint64_t rcx, uint64_t rdx, uint64_t r8)
{
	struct td_regs r = {.rax = leaf, .rcx = rcx, .rdx = rdx, .r8 = r8};

	return call(&r);
}

START_TEST(vp_info)
{
	struct td_regs r = {.rax = 1};

	ck_assert_uint_eq(call(&r), 0);
	ck_assert_uint_eq(r.rcx, 48);
	ck_assert_uint_eq(r.rdx, 1 << 28);
	ck_assert_uint_eq(r.r8, 2 | 2ull << 32);
	ck_assert_uint_eq(r.r9, 1);
	ck_assert_uint_eq(r.r10, 1);
}
END_TEST

START_TEST(unknown_leaves)
{
	for (uint64_t leaf = 0; leaf < 64; leaf++)
		if (leaf > 11 || leaf == 9 || leaf == 10)
			ck_assert_uint_eq(call3(leaf, 0, 0, 0), INVALID_RAX);
	ck_assert_uint_eq(call3(1 | 1 << 16, 0, 0, 0), INVALID_RAX); /* a version */
	ck_assert_uint_eq(call3(1 | 1ull << 32, 0, 0, 0), INVALID_RAX);
}
END_TEST

START_TEST(extend)
{
	uint8_t both[96] = {0}, expected[48];

	memset(fake.ram + 64, 0xab, 48);
	memset(both + 48, 0xab, 48);
	sha384(both, sizeof(both), expected);
	ck_assert_uint_eq(call3(2, FAKE_RAM + 64, 2, 0), 0);
	ck_assert_mem_eq(td.info.rtmr[2], expected, 48);
	ck_assert_mem_eq(td.info.rtmr[0], both, 48); /* still zero */
	memcpy(both, expected, 48);
	sha384(both, sizeof(both), expected);
	ck_assert_uint_eq(call3(2, FAKE_RAM + 64, 2, 0), 0);
	ck_assert_mem_eq(td.info.rtmr[2], expected, 48);
}
END_TEST

START_TEST(extend_refused)
{
	static const uint8_t zero[4 * 48];

	ck_assert_uint_eq(call3(2, FAKE_RAM, 4, 0), INVALID_RDX);
	ck_assert_uint_eq(call3(2, FAKE_RAM + 1, 4, 0), INVALID_RCX); /* RCX is named first */
	ck_assert_uint_eq(call3(2, FAKE_RAM | 1ull << 47, 0, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(2, FAKE_RAM + FAKE_SIZE, 0, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(2, 0xffffffffffffffc0, 0, 0), INVALID_RCX);
	ck_assert_mem_eq(td.info.rtmr, zero, sizeof(zero));
}
END_TEST

/* Newer kernels keep REPORTDATA inside the output. */
START_TEST(report_overlapping_its_data)
{
	struct tdreport t;
	uint8_t data[64];

	for (unsigned i = 0; i < 64; i++)
		data[i] = fake.ram[i] = (uint8_t)(i + 1);
	memset(td.info.mrtd, 0x11, 48);
	memset(td.info.rtmr[3], 0x33, 48);
	ck_assert_uint_eq(call3(4, FAKE_RAM, FAKE_RAM, 0), 0);
	ck_assert_int_eq(tdreport_parse(fake.ram, 1024, &t, NULL), FORMAT_OK);
	ck_assert(tdreport_mac_ok(&t, key, sizeof(key)));
	ck_assert_mem_eq(t.mac.report_data, data, 64);
	ck_assert_uint_eq(t.td.attributes, 1 << 28);
	ck_assert_uint_eq(t.td.mrtd[47], 0x11);
	ck_assert_uint_eq(t.td.rtmr[3][0], 0x33);
	ck_assert_uint_eq(t.td.mrconfigid[0], 0xc1);
	ck_assert_uint_eq(t.td.mrowner[0], 0xc2);
	ck_assert_uint_eq(t.td.mrownerconfig[0], 0xc3);
	ck_assert_mem_eq(t.tcb.mrseam, "EMULATED", 8);
	ck_assert_mem_eq(t.tcb.mrsignerseam, "EMULATED", 8);
}
END_TEST

/* Any bit of a report that the guest changes, or another key, must show. */
START_TEST(report_cannot_be_forged)
{
	static const uint8_t other[32] = {1};
	uint8_t data[64] = {0};
	struct tdreport t;

	td_report(&td, data, &t);
	ck_assert(!tdreport_mac_ok(&t, other, sizeof(other)));
	for (unsigned i = 0; i < 256; i++) {
		((uint8_t *)&t)[i] ^= 1;
		ck_assert(!tdreport_mac_ok(&t, key, sizeof(key)));
		((uint8_t *)&t)[i] ^= 1;
	}
	t.td.rtmr[0][0] ^= 1;
	ck_assert_int_ne(tdreport_parse(&t, sizeof(t), &t, NULL), FORMAT_OK);
}
END_TEST

START_TEST(report_refused)
{
	static const uint8_t zero[FAKE_SIZE];

	ck_assert_uint_eq(call3(4, FAKE_RAM + 64, FAKE_RAM, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(4, FAKE_RAM, FAKE_RAM + 1, 0), INVALID_RDX);
	ck_assert_uint_eq(call3(4, FAKE_RAM, FAKE_RAM, 1), INVALID_R8);
	ck_assert_uint_eq(call3(4, FAKE_RAM, FAKE_RAM, 0x100), INVALID_R8);
	ck_assert_uint_eq(call3(4, 0, FAKE_RAM, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(4, FAKE_RAM, 0, 0), INVALID_RDX);
	ck_assert_mem_eq(fake.ram, zero, FAKE_SIZE);
}
END_TEST

START_TEST(ve_info_once)
{
	struct td_regs r = {.rax = 3};

	ck_assert_uint_eq(call(&r), 0xc000070400000000ull);
	vcpu.ve = (struct td_ve){true, 30, 0x03f80000, 2};
	r.rax = 3;
	ck_assert_uint_eq(call(&r), 0);
	ck_assert_uint_eq(r.rcx, 30);
	ck_assert_uint_eq(r.rdx, 0x03f80000);
	ck_assert_uint_eq(r.r10, 2);
	r.rax = 3;
	ck_assert_uint_eq(call(&r), 0xc000070400000000ull);
}
END_TEST

START_TEST(accept)
{
	ck_assert_uint_eq(call3(6, FAKE_RAM, 0, 0), 0);
	ck_assert_uint_eq(call3(6, FAKE_RAM | 8, 0, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(6, FAKE_RAM | 1, 0, 0), INVALID_RCX); /* no 2 MiB page */
	ck_assert_uint_eq(call3(6, FAKE_RAM | 2, 0, 0), INVALID_RCX); /* no such level */
	ck_assert_uint_eq(call3(6, FAKE_RAM | 1ull << 47, 0, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(6, FAKE_RAM + FAKE_SIZE, 0, 0), INVALID_RCX);
}
END_TEST

START_TEST(cpuid_ve)
{
	ck_assert_uint_eq(call3(5, 1, 0, 0), 0);
	ck_assert_uint_eq(vcpu.cpuid_ve, TD_CPUIDVE_SUPERVISOR);
	ck_assert_uint_eq(call3(5, 4, 0, 0), INVALID_RCX);
	ck_assert_uint_eq(vcpu.cpuid_ve, TD_CPUIDVE_SUPERVISOR);
}
END_TEST

/* Field IDs as guests write them: Linux, and Intel's own tests, with and without bit 63. */
START_TEST(fields)
{
	struct td_regs r = {.rax = 8, .rdx = 0x1110000300000017, .r8 = 2, .r9 = 2};

	ck_assert_uint_eq(call(&r), 0); /* ENUM_TOPOLOGY */
	ck_assert_uint_eq(r.r8, 0);
	r = (struct td_regs){.rax = 7, .rdx = 0x9110000300000017};
	ck_assert_uint_eq(call(&r), 0);
	ck_assert_uint_eq(r.r8, 2);
	r = (struct td_regs){.rax = 8, .rdx = 0x1110000300000017, .r8 = 8, .r9 = 8};
	ck_assert_uint_eq(call(&r), 0xc0000c0300000000ull); /* REDUCE_VE is not promised */
	ck_assert_uint_eq(td.td_ctls, 2);
	r = (struct td_regs){.rax = 7, .rdx = 0x9100000000000019};
	ck_assert_uint_eq(call(&r), 0);
	ck_assert_uint_eq(r.r8, 1);
	r = (struct td_regs){.rax = 7, .rdx = 0x1110000300000999, .r8 = 5};
	ck_assert_uint_eq(call(&r), 0xc0000c0000000000ull);
	ck_assert_uint_eq(r.r8, 0);
	r = (struct td_regs){.rax = 7, .rcx = 1, .rdx = 0x1110000300000017};
	ck_assert_uint_eq(call(&r), INVALID_RCX);
	r = (struct td_regs){.rax = 8, .rdx = 0x9100000000000019, .r8 = 0, .r9 = 1};
	ck_assert_uint_eq(call(&r), 0xc0000c0100000000ull);
}
END_TEST

/* FEATURES0 must be readable: guests panic otherwise. */
START_TEST(features0)
{
	struct td_regs r = {.rax = 11, .rdx = 0x0a00000300000008, .r8 = 7};

	ck_assert_uint_eq(call(&r), 0);
	ck_assert_uint_eq(r.r8, 0);
	ck_assert_uint_eq(r.rdx, UINT64_MAX);
	r = (struct td_regs){.rax = 11, .rdx = 0x0a00000300000009, .r8 = 7};
	ck_assert_uint_eq(call(&r), 0xc0000c0000000000ull);
	ck_assert_uint_eq(r.r8, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tdcall");
	TCase *c = tcase_create("leaves");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, vp_info);
	tcase_add_test(c, unknown_leaves);
	tcase_add_test(c, extend);
	tcase_add_test(c, extend_refused);
	tcase_add_test(c, report_overlapping_its_data);
	tcase_add_test(c, report_cannot_be_forged);
	tcase_add_test(c, report_refused);
	tcase_add_test(c, ve_info_once);
	tcase_add_test(c, accept);
	tcase_add_test(c, cpuid_ve);
	tcase_add_test(c, fields);
	tcase_add_test(c, features0);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
