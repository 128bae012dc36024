/* SPDX-License-Identifier: Apache-2.0 */

#include "format/sha2.h"
#include "tdxemu/test/fake.h"
#include "test/tests.h"

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

/* An EPT violation of the module's own access: KVM ends such a TD. */
static void stops(uint64_t leaf, uint64_t rcx, uint64_t rdx, uint64_t r8)
{
	if (setjmp(fake.stopped) == 0) {
		call3(leaf, rcx, rdx, r8);
		ck_abort_msg("the TD went on");
	}
	ck_assert_str_eq(fake.reason, "the guest used a private address where it has no memory");
}

TEST(vp_info)
{
	struct td_regs r = {.rax = 1};

	ck_assert_uint_eq(call(&r), 0);
	ck_assert_uint_eq(r.rcx, 48);
	ck_assert_uint_eq(r.rdx, 1 << 28);
	ck_assert_uint_eq(r.r8, 2 | 2ull << 32);
	ck_assert_uint_eq(r.r9, 1);
	ck_assert_uint_eq(r.r10, 1);
}

/* The leaves of module 1.5: 0-12, 18, 20, 22-27. */
TEST(unknown_leaves)
{
	for (uint64_t leaf = 13; leaf < 64; leaf++)
		if (leaf < 18 || leaf == 19 || leaf == 21 || leaf > 27)
			ck_assert_uint_eq(call3(leaf, 0, 0, 0), INVALID_RAX);
}

TEST(versions)
{
	for (uint64_t leaf = 0; leaf < 28; leaf++) {
		if (leaf != 7)
			ck_assert_uint_eq(call3(leaf | 1 << 16, 0, 0, 0), INVALID_RAX);
		ck_assert_uint_eq(call3(leaf | 1 << 24, 0, 0, 0), INVALID_RAX);
		ck_assert_uint_eq(call3(leaf | 1ull << 32, 0, 0, 0), INVALID_RAX);
		ck_assert_uint_eq(call3(leaf | 1ull << 63, 0, 0, 0), INVALID_RAX);
	}
	ck_assert_uint_eq(call3(7 | 2 << 16, 0, 0, 0), INVALID_RAX); /* VM.RD has 0 and 1 */
}

TEST(extend)
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

TEST(extend_refused)
{
	static const uint8_t zero[4 * 48];

	ck_assert_uint_eq(call3(2, FAKE_RAM, 4, 0), INVALID_RDX);
	ck_assert_uint_eq(call3(2, FAKE_RAM + 1, 4, 0), INVALID_RCX); /* RCX is named first */
	ck_assert_uint_eq(call3(2, FAKE_RAM | 1ull << 47, 0, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(2, 0xffffffffffffffc0, 0, 0), INVALID_RCX);
	stops(2, FAKE_RAM + FAKE_SIZE, 0, 0);
	ck_assert_mem_eq(td.info.rtmr, zero, sizeof(zero));
}

/* Newer kernels keep REPORTDATA inside the output. */
TEST(report_overlapping_its_data)
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

/* Any bit of a report that the guest changes, or another key, must show. */
TEST(report_cannot_be_forged)
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

TEST(report_refused)
{
	static const uint8_t zero[FAKE_SIZE];

	ck_assert_uint_eq(call3(4, FAKE_RAM + 64, FAKE_RAM, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(4, FAKE_RAM, FAKE_RAM + 1, 0), INVALID_RDX);
	ck_assert_uint_eq(call3(4, FAKE_RAM, FAKE_RAM, 1), INVALID_R8);
	ck_assert_uint_eq(call3(4, FAKE_RAM, FAKE_RAM, 0x100), INVALID_R8);
	/* Both alignments, REPORTDATA's address, the subtype, and last the output's address. */
	ck_assert_uint_eq(call3(4, FAKE_RAM + 1, FAKE_RAM + 1, 1), INVALID_RCX);
	ck_assert_uint_eq(call3(4, 1ull << 52, FAKE_RAM + 1, 1), INVALID_RDX);
	ck_assert_uint_eq(call3(4, 1ull << 52, 1ull << 52, 1), INVALID_RDX);
	ck_assert_uint_eq(call3(4, 1ull << 52, FAKE_RAM, 1), INVALID_R8);
	ck_assert_uint_eq(call3(4, 1ull << 52, FAKE_RAM, 0), INVALID_RCX);
	stops(4, 0, FAKE_RAM, 0);
	stops(4, FAKE_RAM, 0, 0);
	ck_assert_mem_eq(fake.ram, zero, FAKE_SIZE);
}

TEST(ve_info_once)
{
	struct td_regs r = {.rax = 3};

	ck_assert_uint_eq(call(&r), 0xc000070400000000ull);
	vcpu.ve = (struct td_ve){true, 30, 0x03f80000, 2, 0x123, 0x456};
	r.rax = 3;
	ck_assert_uint_eq(call(&r), 0);
	ck_assert_uint_eq(r.rcx, 30);
	ck_assert_uint_eq(r.rdx, 0x03f80000);
	ck_assert_uint_eq(r.r8, 0x123);
	ck_assert_uint_eq(r.r9, 0x456);
	ck_assert_uint_eq(r.r10, 2);
	r.rax = 3;
	ck_assert_uint_eq(call(&r), 0xc000070400000000ull);
	ck_assert_uint_eq(r.rcx | r.rdx | r.r8 | r.r9 | r.r10, 0);
}

TEST(cpuid_ve)
{
	ck_assert_uint_eq(call3(5, 1, 0, 0), 0);
	ck_assert(vcpu.cpuid_supervisor_ve == 1 && vcpu.cpuid_user_ve == 0);
	ck_assert_uint_eq(call3(5, 4, 0, 0), INVALID_RCX);
	ck_assert(vcpu.cpuid_supervisor_ve == 1 && vcpu.cpuid_user_ve == 0);
}

/* ---- local attestation ---- */

#define INVALID_REPORTMACSTRUCT 0xc000100100000000ull
#define INVALID_CPUSVN          0xc000100000000000ull

static uint64_t verify_changed(unsigned at)
{
	uint64_t status;

	fake.ram[at] ^= 1;
	status = call3(22, FAKE_RAM, 0, 0);
	fake.ram[at] ^= 1;
	return status;
}

TEST(verify_report)
{
	ck_assert_uint_eq(call3(4, FAKE_RAM, FAKE_RAM + 1024, 0), 0);
	ck_assert_uint_eq(call3(22, FAKE_RAM, 0, 0), 0);
	for (unsigned i = 0; i < 256; i++)
		ck_assert_uint_eq(verify_changed(i),
		                  i >= 16 && i < 32 ? INVALID_CPUSVN : INVALID_REPORTMACSTRUCT);
	ck_assert_uint_eq(verify_changed(300), 0); /* TEE_TCB_INFO is the verifier's to hash */
	ck_assert_uint_eq(call3(22, FAKE_RAM, 0, 0), 0);
	td.mac_key[0] ^= 1; /* of another platform */
	ck_assert_uint_eq(call3(22, FAKE_RAM, 0, 0), INVALID_REPORTMACSTRUCT);
}

TEST(verify_report_refused)
{
	ck_assert_uint_eq(call3(22, FAKE_RAM + 128, 0, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(22, FAKE_RAM | 1ull << 47, 0, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(22, 1ull << 48, 0, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(22, FAKE_RAM, 0, 0), INVALID_REPORTMACSTRUCT); /* zeros */
	stops(22, 0, 0, 0);
}

/* ---- metadata; which fields a guest may use is in the tables of Intel's module ---- */

#define ID_INCORRECT    0xc0000c0000000000ull
#define NOT_WRITABLE    0xc0000c0100000000ull
#define NOT_READABLE    0xc0000c0200000000ull
#define VALUE_NOT_VALID 0xc0000c0300000000ull
#define FIRST_FIELD     0x00000c0b00000000ull
#define NONE            UINT64_MAX
enum { VM_RD = 7, VM_RD_1 = 7 | 1 << 16, VM_WR = 8, VP_RD = 9, VP_WR = 10, SYS_RD = 11 };

static uint64_t status_of_last;

/* The value that reading gives. */
static uint64_t rd(uint64_t leaf, uint64_t id)
{
	struct td_regs r = {.rax = leaf, .rdx = id, .r8 = 0x5555};

	status_of_last = call(&r);
	return r.r8;
}

static uint64_t wr(uint64_t leaf, uint64_t id, uint64_t value, uint64_t mask, uint64_t *ret_old)
{
	struct td_regs r = {.rax = leaf, .rdx = id, .r8 = value, .r9 = mask};
	uint64_t status = call(&r);

	ck_assert_uint_eq(r.rdx, id);
	if (ret_old)
		*ret_old = r.r8;
	return status;
}

/* Field IDs as guests write them: Linux, and Intel's own tests, with and without bit 63. */
TEST(td_ctls)
{
	uint64_t old;

	/* PENDING_VE_DISABLE: ATTRIBUTES; REDUCE_VE: from the start */
	ck_assert_uint_eq(rd(VM_RD, 0x9110000300000017), 9);
	ck_assert_uint_eq(wr(VM_WR, 0x1110000300000017, 2, 2, &old), 0); /* ENUM_TOPOLOGY */
	ck_assert_uint_eq(old, 9);
	ck_assert_uint_eq(rd(VM_RD, 0x9110000300000017), 11);
	ck_assert_uint_eq(wr(VM_WR, 0x1110000300000017, 4, 4, NULL), VALUE_NOT_VALID); /* CPUID2 */
	ck_assert_uint_eq(wr(VM_WR, 0x1110000300000017, 1ull << 63, 1ull << 63, NULL),
	                  VALUE_NOT_VALID); /* LOCK */
	ck_assert_uint_eq(wr(VM_WR, 0x1110000300000017, 32, 32, &old), NOT_WRITABLE);
	ck_assert_uint_eq(old, 0);
	/* As lkvs' tdx-compliance clears them: what is not offered stays 0. */
	ck_assert_uint_eq(wr(VM_WR, 0x9110000300000017, 0, 0x800000000000000e, NULL), 0);
	ck_assert_uint_eq(rd(VM_RD, 0x9110000300000017), 1);
	ck_assert_uint_eq(wr(VM_WR, 0x9110000300000022, 0, ~0ull, NULL), 0);
	ck_assert_uint_eq(wr(VM_WR, 0x9110000300000022, 1, ~0ull, NULL), VALUE_NOT_VALID);
	ck_assert_uint_eq(wr(VM_WR, 0x1110000300000017, 2, 2, NULL), 0);
	ck_assert_uint_eq(wr(VM_WR, 0x1110000300000017, 8, 8, NULL), 0); /* REDUCE_VE */
	ck_assert_uint_eq(rd(VM_RD, 0x1110000300000017), 11);
	ck_assert_uint_eq(wr(VM_WR, 0x1110000300000017, 0, 8, NULL), 0);
	ck_assert_uint_eq(wr(VM_WR, 0x1110000300000017, 0, 1, NULL), VALUE_NOT_VALID); /* fixed */
	ck_assert_uint_eq(wr(VM_WR, 0x1110000300000017, 1, 1, NULL), 0);
	ck_assert_uint_eq(td.td_ctls, 3);
}

TEST(td_fields)
{
	uint64_t first;

	memset(td.info.mrtd, 0x11, 48);
	memset(td.info.rtmr[3], 0x33, 48);
	td.info.rtmr[3][47] = 0x34;
	td.tsc_khz = 2300000;
	memcpy(&first, td.uuid, 8);
	ck_assert_uint_ne(first, 0);
	ck_assert_uint_eq(rd(VM_RD, 0x8010000300000020), first);   /* TD_UUID */
	ck_assert_uint_eq(rd(VM_RD, 0x9010000200000001), 2);       /* NUM_VCPUS */
	ck_assert_uint_eq(rd(VM_RD, 0x9010000100000005), 0);       /* NUM_L2_VMS */
	ck_assert_uint_eq(rd(VM_RD, 0x1110000300000000), 1 << 28); /* ATTRIBUTES */
	ck_assert_uint_eq(rd(VM_RD, 0x1110000300000001), 7);       /* XFAM */
	ck_assert_uint_eq(rd(VM_RD, 0x1110000200000002), 2);       /* MAX_VCPUS */
	ck_assert_uint_eq(rd(VM_RD, 0x1110000000000003), 0);       /* GPAW */
	ck_assert_uint_eq(rd(VM_RD, 0x111000010000000c), 92);      /* TSC_FREQUENCY, 25 MHz */
	ck_assert_uint_eq(rd(VM_RD, 0x1110000300000016), 4);       /* CONFIG_FLAGS: NO_RBP_MOD */
	ck_assert_uint_eq(rd(VM_RD, 0x9100000000000019), 1);       /* TOPOLOGY_ENUM_CONFIGURED */
	ck_assert_uint_eq(rd(VM_RD, 0x1310000300000005), 0x1111111111111111);
	ck_assert_uint_eq(rd(VM_RD, 0x1310000300000010), 0xc1c1c1c1c1c1c1c1);
	ck_assert_uint_eq(rd(VM_RD, 0x1310000300000018), 0xc2c2c2c2c2c2c2c2);
	ck_assert_uint_eq(rd(VM_RD, 0x1310000300000025), 0xc3c3c3c3c3c3c3c3);
	ck_assert_uint_eq(rd(VM_RD, 0x1310000300000052), 0x3333333333333333); /* RTMR3 */
	ck_assert_uint_eq(rd(VM_RD, 0x1310000300000057), 0x3433333333333333);
	ck_assert_uint_eq(rd(VM_RD, 0x9910000300000000), 0); /* SERVTD_HASH */
	ck_assert_uint_eq(rd(VM_RD, 0x991000030000008f), 0);
	ck_assert_uint_eq(status_of_last, 0);
}

TEST(td_fields_refused)
{
	static const uint64_t hidden[] = {
	        0x8010000000000001, /* FATAL */ 0x8110000100000001,                /* HKID */
	        0x9010000200000004, /* OP_STATE */ 0x1110000300000004,             /* EPTP */
	        0x111000030000000a, /* TSC_OFFSET */ 0x9810000300000010,           /* MIG_DEC_KEY */
	        0x2010000300000000, /* MSR_BITMAPS */ 0x21100003000001ff,          /* SEPT_ROOT */
	        0x9410000300000301, /* CPUID_VALUES: leaf 1 */ 0x9410000300000e04, /* 7, 2 */
	        0x9410000300011100,                                                /* 0x80000008 */
	};
	static const uint64_t unknown[] = {
	        0x1110000300000999,
	        0x1310000300000006,
	        0x1310000300000058,
	        0x3f10000300000000,
	        0x2510000300000000, /* of an L2 VM */
	        0x1110000700000000, /* more than one element */
	        0x1110800300000000,
	        0x5110000300000000,
	        0x1110000301000000,
	        NONE,
	        /* CPUID_VALUES: leaf 7 without a subleaf, subleaf 3, leaf 2, and reserved bits */
	        0x9410000300000f00,
	        0x9410000300000e06,
	        0x9410000300000500,
	        0x9410000300020300,
	};
	uint64_t old;

	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++) {
		ck_assert_uint_eq(rd(VM_RD, hidden[i]), 0);
		ck_assert_uint_eq(status_of_last, NOT_READABLE);
		ck_assert_uint_eq(wr(VM_WR, hidden[i], 0, 1, &old), NOT_WRITABLE);
	}
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		ck_assert_uint_eq(rd(VM_RD, unknown[i]), 0);
		ck_assert_uint_eq(status_of_last, ID_INCORRECT);
		ck_assert_uint_eq(wr(VM_WR, unknown[i], 0, 1, &old), ID_INCORRECT);
	}
	ck_assert_uint_eq(wr(VM_WR, 0x9100000000000019, 0, 1, &old), NOT_WRITABLE);
	ck_assert_uint_eq(call3(VM_RD, 1, 0x1110000300000017, 0), INVALID_RCX); /* another TD */
	ck_assert_uint_eq(call3(VM_WR, 1, 0x1110000300000017, 0), INVALID_RCX);
}

/* All fields a guest may read, in the module's order, as version 1 goes through them. */
static unsigned walk(uint64_t leaf, uint64_t *ret_first, uint64_t *ret_last)
{
	struct td_regs r = {.rax = leaf, .rdx = NONE};
	unsigned n = 0;

	ck_assert_uint_eq(call(&r), FIRST_FIELD);
	ck_assert_uint_eq(r.r8, 0);
	*ret_first = r.rdx;
	while (r.rdx != NONE) {
		*ret_last = r.rdx;
		r.rax = leaf;
		ck_assert_uint_eq(call(&r), 0);
		ck_assert_uint_lt(++n, 1000);
	}
	return n;
}

TEST(all_fields_by_version_1)
{
	struct td_regs r = {.rax = VM_RD_1, .rdx = 0x1310000300000005, .r8 = 1};
	uint64_t first, last;

	/* UUID 4, counts 2, controls 8, TOPOLOGY 1, identity 24, RTMRs 24, UUID 4, service TDs 23
	 */
	ck_assert_uint_eq(walk(VM_RD_1, &first, &last), 91);
	ck_assert_uint_eq(first, 0x8010000300000020);
	ck_assert_uint_eq(last, 0x991000030000008f);
	ck_assert_uint_eq(call(&r), 0);
	ck_assert_uint_eq(r.rdx, 0x1310000300000010); /* from MRTD's last element to MRCONFIGID */
	r = (struct td_regs){.rax = VM_RD_1, .rdx = 0x1110000300000999, .r8 = 1};
	ck_assert_uint_eq(call(&r), ID_INCORRECT);
	ck_assert_uint_eq(r.rdx, NONE);
	ck_assert_uint_eq(r.r8, 0);
	r = (struct td_regs){.rax = VM_RD, .rdx = 0x1310000300000005};
	ck_assert_uint_eq(call(&r), 0);
	ck_assert_uint_eq(r.rdx, 0x1310000300000005); /* version 0 leaves it */
}

TEST(vcpu_fields)
{
	uint64_t first, last, old;

	/* VCPU_INDEX, two of CPUID's #VE, 4 L2_CTLS, 4 TSC_DEADLINE, 128 CPUID_CONTROL */
	ck_assert_uint_eq(walk(VP_RD, &first, &last), 139);
	ck_assert_uint_eq(first, 0xa020000200000002);
	ck_assert_uint_eq(last, 0xa12000000000007f);
	ck_assert_uint_eq(rd(VP_RD, 0xa020000200000002), 1);
	ck_assert_uint_eq(wr(VP_WR, 0xa020000000000008, 1, 0xff, &old), 0); /* CPUID_USER_VE */
	ck_assert(vcpu.cpuid_supervisor_ve == 0 && vcpu.cpuid_user_ve == 1);
	ck_assert_uint_eq(call3(5, 3, 0, 0), 0);
	ck_assert_uint_eq(rd(VP_RD, 0xa020000000000007), 1);
	ck_assert_uint_eq(wr(VP_WR, 0xa020000000000007, 0, NONE, &old), 0);
	ck_assert_uint_eq(old, 1);
	ck_assert(vcpu.cpuid_supervisor_ve == 0 && vcpu.cpuid_user_ve == 1);
	ck_assert_uint_eq(wr(VP_WR, 0xa020000000000007, 0x82, NONE, &old), 0);
	ck_assert_uint_eq(rd(VP_RD, 0xa020000000000007), 0x82); /* a byte, as it was written */
	ck_assert_uint_eq(wr(VP_WR, 0xa020000000000007, 0x100, NONE, &old), VALUE_NOT_VALID);
	ck_assert_uint_eq(rd(VP_RD, 0xa020000300000059), NONE); /* TSC_DEADLINE: none */
	ck_assert_uint_eq(wr(VP_WR, 0xa020000300000059, 5, NONE, &old), 0);
	ck_assert_uint_eq(rd(VP_RD, 0xa020000300000059), 5);
	ck_assert_uint_eq(wr(VP_WR, 0xa120000000000011, 3, 3, &old), 0);
	ck_assert_uint_eq(rd(VP_RD, 0xa120000000000011), 3);
	ck_assert_uint_eq(wr(VP_WR, 0xa120000000000011, 4, 7, &old), VALUE_NOT_VALID);
	ck_assert_uint_eq(wr(VP_WR, 0xa020000300000050, 8, 8, &old), NOT_WRITABLE);
}

TEST(vcpu_fields_refused)
{
	static const uint64_t hidden[] = {
	        0x002400030000681e, /* RIP in the VMCS */ 0x1020000300000000, /* RAX */
	        0x0220000200000001, /* VE_INFO.VALID */ 0x12200003000005ff,   /* XBUFF */
	        0x9120000300000100, 0xa020000000000000,
	        0xa02000030000010c,
	};
	static const uint64_t unknown[] = {
	        0x002400030000681f, /* a VMCS field's high half */
	        0x0024000300006826 + 8, 0x1120000300000004, 0x2520000300000000, /* of an L2 VM */
	        0xa120000000000080,
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++) {
		rd(VP_RD, hidden[i]);
		ck_assert_uint_eq(status_of_last, NOT_READABLE);
	}
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		rd(VP_RD, unknown[i]);
		ck_assert_uint_eq(status_of_last, ID_INCORRECT);
	}
	ck_assert_uint_eq(call3(VP_RD, 1, 0xa020000200000002, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(VP_WR, 1, 0xa020000000000008, 0), INVALID_RCX);
	ck_assert_uint_eq(wr(VP_WR, 0xa020000200000002, 0, 1, NULL), NOT_WRITABLE);
}

TEST(system_fields)
{
	uint64_t first, last;

	ck_assert_uint_eq(walk(SYS_RD, &first, &last), 12);
	ck_assert_uint_eq(first, 0x0800000200000000);
	ck_assert_uint_eq(last, 0xa200000100000000);
	ck_assert_uint_eq(rd(SYS_RD, 0x0800000200000000), 0x8086);
	ck_assert_uint_eq(rd(SYS_RD, 0x0800000100000003), 5);
	ck_assert_uint_eq(rd(SYS_RD, 0x0800000100000004), 1);
	ck_assert_uint_eq(rd(SYS_RD, 0x0a00000000000001), 1);
	ck_assert_uint_eq(rd(SYS_RD, 0xa200000100000000), 0x807f);
	rd(SYS_RD, 0x8800000200000001); /* BUILD_DATE is the VMM's */
	ck_assert_uint_eq(status_of_last, NOT_READABLE);
	rd(SYS_RD, 0x0a00000300000009);
	ck_assert_uint_eq(status_of_last, ID_INCORRECT);
	/* FEATURES0 must be readable: guests panic otherwise. As src/common/metadata_handlers/
	 * metadata_sys.c of 1.5.01 has it, and two bits of later releases. */
	ck_assert_uint_eq(rd(SYS_RD, 0x0a00000300000008), 0xf0fbf | 1u << 20 | 1u << 30);
	ck_assert_uint_eq(status_of_last, 0);
}

/* Whatever the bits of its context say. */
TEST(first_field)
{
	for (uint64_t context = 0; context < 8; context++) {
		struct td_regs r = {.rax = VP_RD, .rdx = NONE ^ context << 52};

		ck_assert_uint_eq(call(&r), FIRST_FIELD);
		ck_assert_uint_eq(r.rdx, 0xa020000200000002);
		r = (struct td_regs){.rax = 12, .rdx = FAKE_RAM, .r8 = NONE ^ context << 52};
		ck_assert_uint_eq(call(&r), 0);
		ck_assert_uint_eq(fake.ram[2], 8);
	}
}

/* The list: a header, then seven sequences; the two version numbers share one, and so do four. */
TEST(system_fields_as_a_list)
{
	struct td_regs r = {.rax = 12, .rdx = FAKE_RAM, .r8 = NONE};
	const uint64_t *word = (const uint64_t *)fake.ram;

	ck_assert_uint_eq(call(&r), 0);
	ck_assert_uint_eq(r.r8, NONE);
	ck_assert_uint_eq(word[0], (1 + 8 + 12) * 8 | 8 << 16);
	ck_assert_uint_eq(word[1], 0x0800000200000000);
	ck_assert_uint_eq(word[2], 0x8086);
	ck_assert_uint_eq(word[3], 0x0800000100000003 | 1ull << 38);
	ck_assert_uint_eq(word[4], 5);
	ck_assert_uint_eq(word[5], 1);
	ck_assert_uint_eq(word[6], 0x0a00000200000000);
	ck_assert_uint_eq(word[14], 0x2000000100000001 | 3ull << 38);
	ck_assert_uint_eq(word[19], 0xa200000100000000);
	ck_assert_uint_eq(word[20], 0x807f);
	r = (struct td_regs){.rax = 12, .rdx = FAKE_RAM, .r8 = 0x2000000100000003};
	ck_assert_uint_eq(call(&r), 0); /* from within */
	ck_assert_uint_eq(word[0], (1 + 2 + 3) * 8 | 2 << 16);
	ck_assert_uint_eq(word[1], 0x2000000100000003 | 1ull << 38);
	r = (struct td_regs){.rax = 12, .rdx = FAKE_RAM, .r8 = 0x8800000200000001};
	ck_assert_uint_eq(call(&r), 0); /* from one that is not the guest's: the next that is */
	ck_assert_uint_eq(word[1], 0x0800000100000003 | 1ull << 38);
}

TEST(list_refused)
{
	ck_assert_uint_eq(call3(12, 0, FAKE_RAM + 8, NONE), INVALID_RDX);
	ck_assert_uint_eq(call3(12, 0, FAKE_RAM | 1ull << 47, NONE), INVALID_RDX);
	ck_assert_uint_eq(call3(12, 0, FAKE_RAM, 0x0a00000300000009), ID_INCORRECT);
	ck_assert_uint_eq(call3(12, 0, FAKE_RAM, 0x0a00000200000008), ID_INCORRECT); /* its size */
}

/* ---- service TDs and L2 VMs: there are none ---- */

TEST(service_td)
{
	struct td_regs r = {.rax = 18, .rcx = 1, .rdx = 5, .r8 = 5};
	uint64_t word;

	memcpy(&word, td.uuid, 8);
	r.rcx += word; /* slot 1 of one */
	ck_assert_uint_eq(call(&r), INVALID_RCX);
	ck_assert_uint_eq(r.rdx, NONE);
	ck_assert_uint_eq(r.r8, 0);
	r = (struct td_regs){.rax = 20, .rcx = word + 1, .rdx = 5};
	ck_assert_uint_eq(call(&r), INVALID_RCX);
	ck_assert_uint_eq(r.rdx, 5);
	if (setjmp(fake.stopped) == 0) {
		call3(18, word + 0x1000, 0, 0); /* slot 0 of some TD */
		ck_abort_msg("the TD went on");
	}
	ck_assert_str_eq(fake.reason, "the guest named a TD that is not bound to it");
}

TEST(l2_vms)
{
	ck_assert_uint_eq(call3(25, 1, FAKE_RAM + 8, 0), INVALID_RDX);
	ck_assert_uint_eq(call3(25, 1, FAKE_RAM, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(26, 0, 0, 0), 0);
	ck_assert_uint_eq(call3(26, 2, 0, 0), INVALID_RCX);
	ck_assert_uint_eq(call3(27, 1, 0, 0), INVALID_RCX);
}

TESTS("tdcall", .apart = true, .setup = setup)
