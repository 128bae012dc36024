/* SPDX-License-Identifier: Apache-2.0 */
/* Private and shared memory: TDG.MEM.PAGE.*, MapGPA, and accesses to pages of each state. */

#include "tdxemu/test/fake.h"
#include "test/tests.h"

/* Statuses are written out as the ABI specification prints them, not through td.h's names. */
#define INVALID_RCX   0xc000010000000001ull
#define INVALID_RDX   0xc000010000000002ull
#define INVALID_R8    0xc000010000000008ull
#define ACCEPTED_4K   0x00000b0a00000000ull
#define ACCEPTED_2M   0x00000b0a00000001ull
#define MISMATCH_2M   0xc0000b0b00000001ull
#define MISMATCH_1G   0xc0000b0b00000002ull
#define SHARED        (1ull << 47)
#define PENDING       (1ull << 62)
#define PAGE          4096ull
#define BLOCK         (2ull << 20)
#define ALL           0xffccull
#define VMCALL_BAD    0x8000000000000000ull
#define VMCALL_ALIGN  0x8000000000000002ull
#define VMCALL_RETRY  1ull
#define EPT_VIOLATION 48
#define R             TD_ACCESS_READ
#define W             TD_ACCESS_WRITE

static void setup(void)
{
	fake_start_pages();
}

static uint64_t call3(uint64_t leaf, uint64_t rcx, uint64_t rdx, uint64_t r8)
{
	struct td_regs r = {.rax = leaf, .rcx = rcx, .rdx = rdx, .r8 = r8};

	td_call(&td, &vcpu, &r);
	return r.rax;
}

static uint64_t accept(uint64_t gpa_and_level)
{
	return call3(6, gpa_and_level, 0, 0);
}

static uint64_t map(uint64_t gpa, uint64_t size, uint64_t *ret_r11)
{
	struct td_regs r = {.rcx = ALL, .r11 = 0x10001, .r12 = gpa, .r13 = size};

	td_call(&td, &vcpu, &r);
	ck_assert_uint_eq(r.rax, 0);
	if (ret_r11)
		*ret_r11 = r.r11;
	return r.r10;
}

static uint8_t *private_at(uint64_t gpa)
{
	return fake_guest(gpa, 1);
}

static uint8_t *shared_at(uint64_t gpa)
{
	return fake_guest(gpa | SHARED, 1);
}

static void stops(uint64_t gpa, const char *reason)
{
	if (setjmp(fake.stopped) == 0) {
		td_ept_violation(&td, &vcpu, gpa, R, 0);
		ck_abort_msg("the TD went on");
	}
	ck_assert_str_eq(fake.reason, reason);
}
#define BEFORE_ACCEPTING "the guest used private memory before accepting it"
#define NO_MEMORY        "the guest used a private address where it has no memory"

TEST(accepted_once)
{
	ck_assert_uint_eq(accept(0x3000), 0);
	ck_assert_uint_eq(fake.remaps, 1);
	ck_assert_uint_eq(fake.remapped, 0x3000);
	ck_assert_uint_eq(accept(0x3000), ACCEPTED_4K);
	ck_assert_uint_eq(accept(0x4000), 0);
	ck_assert_uint_eq(accept(BLOCK | 1), 0);
	ck_assert_uint_eq(fake.remapped_size, BLOCK);
	ck_assert_uint_eq(accept(BLOCK | 1), ACCEPTED_2M);
	ck_assert_uint_eq(accept(BLOCK + 5 * PAGE),
	                  ACCEPTED_2M); /* inside: the level of what is there */
	ck_assert_uint_eq(accept((4ull << 30) | 1), 0);
}

TEST(sizes_do_not_match)
{
	ck_assert_uint_eq(accept(0x3000), 0);
	ck_assert_uint_eq(accept(0 | 1), MISMATCH_2M);
	ck_assert_uint_eq(accept((4ull << 20) | 1), MISMATCH_2M); /* memory ends in the middle */
	ck_assert_uint_eq(accept(4ull << 20), 0);
	ck_assert_uint_eq(fake.remaps, 2);
}

/* What has failed has no effect: the walk did not come as far as the page. */
TEST(mismatch_leaves_shared_memory)
{
	struct td_regs r = {.rax = 24, .rcx = 1};

	ck_assert_uint_eq(accept(0x3000), 0);
	ck_assert_uint_eq(map(0 | SHARED, PAGE, NULL), 0);
	*shared_at(0) = 0xbb;
	ck_assert_uint_eq(accept(0 | 1), MISMATCH_2M);
	td_call(&td, &vcpu, &r);
	ck_assert_uint_eq(r.rax, MISMATCH_2M);
	ck_assert_uint_eq(*shared_at(0), 0xbb);
	ck_assert_uint_eq(td_page_state(&td.pages, 0) & TD_PAGE_SHARED, TD_PAGE_SHARED);
}

TEST(accept_operands)
{
	ck_assert_uint_eq(accept(0x3000 | 2), INVALID_RCX); /* 1 GiB cannot be accepted */
	ck_assert_uint_eq(accept(0x3000 | 1), INVALID_RCX);
	ck_assert_uint_eq(accept(0x3000 | 8), INVALID_RCX);
	ck_assert_uint_eq(accept(0x3000 | SHARED), INVALID_RCX);
	ck_assert_uint_eq(accept(0x3000 | 1ull << 52), INVALID_RCX);
	ck_assert_uint_eq(fake.remaps, 0);
	if (setjmp(fake.stopped) == 0) {
		accept(8ull << 20);
		ck_abort_msg("accepted what is no memory");
	}
	ck_assert_str_eq(fake.reason, NO_MEMORY);
}

/* Only what a guest had before is zeroed: new memory is zero already. */
TEST(content_is_lost_by_conversion)
{
	ck_assert_uint_eq(accept(BLOCK | 1), 0);
	memset(private_at(BLOCK), 0xaa, BLOCK);
	ck_assert_uint_eq(map((BLOCK + PAGE) | SHARED, PAGE, NULL), 0);
	ck_assert_uint_eq(*shared_at(BLOCK + PAGE), 0); /* not what was private */
	*shared_at(BLOCK + PAGE) = 0xbb;
	ck_assert_uint_eq(map(BLOCK + PAGE, PAGE, NULL), 0);
	ck_assert_uint_eq(*shared_at(BLOCK + PAGE), 0);
	ck_assert_uint_eq(*private_at(BLOCK + PAGE), 0xaa); /* out of reach until ... */
	ck_assert_uint_eq(accept(BLOCK + PAGE), 0);
	ck_assert_uint_eq(*private_at(BLOCK + PAGE), 0);
	ck_assert_uint_eq(*private_at(BLOCK), 0xaa); /* its neighbours stay */
	ck_assert_uint_eq(*private_at(BLOCK + 2 * PAGE), 0xaa);
	ck_assert_uint_eq(accept(BLOCK), ACCEPTED_4K); /* the block was split */
	ck_assert_uint_eq(accept(BLOCK | 1), MISMATCH_2M);
}

TEST(a_whole_block_comes_back_as_one)
{
	ck_assert_uint_eq(accept(BLOCK | 1), 0);
	memset(private_at(BLOCK), 0xaa, BLOCK);
	ck_assert_uint_eq(map(BLOCK | SHARED, BLOCK, NULL), 0);
	ck_assert_uint_eq(map(BLOCK, BLOCK, NULL), 0);
	ck_assert_uint_eq(accept(BLOCK | 1), 0);
	ck_assert_uint_eq(*private_at(2 * BLOCK - 1), 0);
}

TEST(map_gpa_to_what_it_is)
{
	ck_assert_uint_eq(accept(0x3000), 0);
	*private_at(0x3000) = 0xaa;
	ck_assert_uint_eq(map(0x3000, PAGE, NULL), 0); /* private already: stays accepted */
	ck_assert_uint_eq(*private_at(0x3000), 0xaa);
	ck_assert_uint_eq(accept(0x3000), ACCEPTED_4K);
	ck_assert_uint_eq(map(0x5000 | SHARED, PAGE, NULL), 0);
	*shared_at(0x5000) = 0xbb;
	ck_assert_uint_eq(map(0x5000 | SHARED, PAGE, NULL), 0);
	ck_assert_uint_eq(*shared_at(0x5000), 0xbb);
}

TEST(map_gpa_operands)
{
	uint64_t r11;

	ck_assert_uint_eq(map(0x3001, PAGE, &r11), VMCALL_ALIGN);
	ck_assert_uint_eq(r11, 0x3001);
	ck_assert_uint_eq(map(0x3001, 0, &r11), VMCALL_BAD); /* named before the alignment */
	ck_assert_uint_eq(map(SHARED - PAGE, 2 * PAGE, &r11), VMCALL_BAD);
	ck_assert_uint_eq(r11, SHARED - PAGE);
	ck_assert_uint_eq(map(PAGE, ~(PAGE - 1), NULL), VMCALL_BAD);
	/* A device is shared; it can't be made private. */
	ck_assert_uint_eq(map(0xc0000000 | SHARED, 1 << 20, NULL), 0);
	ck_assert_uint_eq(map(0xc0000000, PAGE, &r11), VMCALL_BAD);
	ck_assert_uint_eq(r11, 0xc0000000);
	/* Memory that ends in the middle. */
	ck_assert_uint_eq(map((4ull << 20) | SHARED, BLOCK, NULL), 0);
	ck_assert_uint_eq(td_page_state(&td.pages, 4 << 20), TD_PAGE_SHARED);
}

/* The VMM converts 2 MiB, sees the interrupt and lets the guest take it. */
TEST(map_gpa_is_interrupted)
{
	uint64_t r11 = 0;

	fake.interrupt_pending = true;
	ck_assert_uint_eq(map(PAGE | SHARED, 2 * BLOCK, &r11), VMCALL_RETRY);
	ck_assert_uint_eq(r11, (PAGE + BLOCK) | SHARED);
	ck_assert_uint_eq(td_page_state(&td.pages, BLOCK), TD_PAGE_SHARED);
	ck_assert_uint_eq(td_page_state(&td.pages, BLOCK + PAGE), 0);
	ck_assert_uint_eq(map(r11, BLOCK, &r11), 0); /* the last piece is done whatever comes */
	ck_assert_uint_eq(td_page_state(&td.pages, 2 * BLOCK), TD_PAGE_SHARED);
	ck_assert_uint_eq(td_page_state(&td.pages, 2 * BLOCK + PAGE), 0);
}

/* The other alias: the VMM converts, as KVM and QEMU do, and what was there is gone. */
TEST(shared_alias_of_private_memory)
{
	ck_assert_uint_eq(accept(0x3000), 0);
	*private_at(0x3000) = 0xaa;
	ck_assert(td_ept_violation(&td, &vcpu, 0x3123 | SHARED, R, 0));
	ck_assert(!vcpu.due.valid);
	ck_assert_uint_eq(td_page_state(&td.pages, 0x3000) & TD_PAGE_SHARED, TD_PAGE_SHARED);
	ck_assert_uint_eq(*shared_at(0x3123), 0);
	stops(0x3000, BEFORE_ACCEPTING);
}

TEST(private_alias_of_shared_memory)
{
	ck_assert_uint_eq(map(0x3000 | SHARED, PAGE, NULL), 0);
	*shared_at(0x3000) = 0xbb;
	stops(0x3008, BEFORE_ACCEPTING);
	ck_assert_uint_eq(*shared_at(0x3000), 0);
}

TEST(pending_without_ve)
{
	stops(0x3000, BEFORE_ACCEPTING);
	stops(0xc0000000, NO_MEMORY);
	ck_assert(!vcpu.due.valid);
}

/* ATTRIBUTES.SEPT_VE_DISABLE = 0 */
TEST(pending_with_ve)
{
	td.td_ctls = 0;
	ck_assert(!td_ept_violation(&td, &vcpu, 0x3008, W, 0xffff888000003008));
	ck_assert(vcpu.due.valid);
	ck_assert_uint_eq(vcpu.due.reason, EPT_VIOLATION);
	ck_assert_uint_eq(vcpu.due.qualification, W | 1 << 7); /* with a linear address */
	ck_assert_uint_eq(vcpu.due.gla, 0xffff888000003008);
	ck_assert_uint_eq(vcpu.due.gpa, 0x3008);
	/* What there is to tell of the linear address is told with it only. */
	td_ept_violation(&td, &vcpu, 0x3008, R | TD_ACCESS_FINAL | TD_ACCESS_NO_EXECUTE, 0x13008);
	ck_assert_uint_eq(vcpu.due.qualification, R | 1 << 7 | 1 << 8 | 1 << 11);
	td_ept_violation(&td, &vcpu, 0x3008, R | TD_ACCESS_FINAL | TD_ACCESS_USER, 0);
	ck_assert_uint_eq(vcpu.due.qualification, R);
	ck_assert_uint_eq(accept(0x3000), 0);
	ck_assert(td_ept_violation(&td, &vcpu, 0x3008, W, 0));
}

TEST(a_device_is_a_ve)
{
	ck_assert(!td_ept_violation(&td, &vcpu, 0xfec00010 | SHARED, R, 0));
	ck_assert_uint_eq(vcpu.due.reason, EPT_VIOLATION);
	ck_assert_uint_eq(vcpu.due.gpa, 0xfec00010 | SHARED);
}

/* Operands of TDCALLs are accesses too; RAX and the rest stay for the second try. */
TEST(operands_in_pending_memory)
{
	struct td_regs r = {.rax = 4, .rcx = 0x3000, .rdx = 0x4000, .r8 = 0};

	td.td_ctls = 0;
	td_call(&td, &vcpu, &r); /* REPORTDATA is read first */
	ck_assert_uint_eq(r.rax, 4);
	ck_assert_uint_eq(vcpu.due.gpa, 0x4000);
	ck_assert_uint_eq(vcpu.due.qualification, R);
	vcpu.due.valid = false;
	ck_assert_uint_eq(accept(0x4000), 0);
	td_call(&td, &vcpu, &r);
	ck_assert_uint_eq(r.rax, 4);
	ck_assert_uint_eq(vcpu.due.gpa, 0x3000);
	ck_assert_uint_eq(vcpu.due.qualification, R | W);
	vcpu.due.valid = false;
	ck_assert_uint_eq(accept(0x3000), 0);
	td_call(&td, &vcpu, &r);
	ck_assert_uint_eq(r.rax, 0);
	ck_assert(!vcpu.due.valid);
	ck_assert_uint_eq(*private_at(0x3000), 0x81);
}

/* R8 names no field any more when the #VE of SYS.RDALL's page is there: tdg_sys_rdall.c. */
TEST(list_in_pending_memory)
{
	struct td_regs r = {.rax = 12, .rdx = 0x3000, .r8 = 0x2000000100000003};

	td.td_ctls = 0;
	td_call(&td, &vcpu, &r);
	ck_assert_uint_eq(r.rax, 12);
	ck_assert_uint_eq(r.r8, UINT64_MAX);
	ck_assert_uint_eq(vcpu.due.qualification, R | W);
}

TEST(operands_in_shared_memory)
{
	struct td_regs r = {.rax = 4, .rcx = 0x3000 | SHARED, .rdx = 0x4000 | SHARED};

	td_call(&td, &vcpu, &r); /* converted without a word */
	ck_assert_uint_eq(r.rax, 0);
	ck_assert_uint_eq(*shared_at(0x3000), 0x81);
	ck_assert_uint_eq(*private_at(0x3000), 0);
	ck_assert_uint_eq(call3(2, 0x3000 | SHARED, 0, 0),
	                  INVALID_RCX); /* RTMR.EXTEND: private only */
	r = (struct td_regs){.rax = 4, .rcx = 0xc0000000 | SHARED, .rdx = 0x4000 | SHARED};
	td_call(&td, &vcpu, &r); /* a device */
	ck_assert_uint_eq(r.rax, 4);
	ck_assert_uint_eq(vcpu.due.gpa, 0xc0000000 | SHARED);
}

static uint64_t attr_rd(uint64_t rcx, uint64_t *ret_rcx)
{
	struct td_regs r = {.rax = 23, .rcx = rcx, .rdx = 7};

	td_call(&td, &vcpu, &r);
	ck_assert_uint_eq(r.rdx, 0);
	*ret_rcx = r.rcx;
	return r.rax;
}

TEST(attributes_are_read)
{
	uint64_t rcx;

	ck_assert_uint_eq(attr_rd(BLOCK + 0x3123, &rcx), 0);
	ck_assert_uint_eq(rcx, BLOCK | 1 | PENDING); /* the VMM adds it as one */
	ck_assert_uint_eq(accept(BLOCK | 1), 0);
	ck_assert_uint_eq(attr_rd(BLOCK + 0x3123, &rcx), 0);
	ck_assert_uint_eq(rcx, BLOCK | 1);
	ck_assert_uint_eq(accept(0x3000), 0);
	ck_assert_uint_eq(attr_rd(0x3fff, &rcx), 0);
	ck_assert_uint_eq(rcx, 0x3000);
	ck_assert_uint_eq(attr_rd(0x4000, &rcx), 0);
	ck_assert_uint_eq(rcx, 0x4000 | PENDING);
	ck_assert_uint_eq(attr_rd(0x4000 | SHARED, &rcx), INVALID_RCX);
	ck_assert_uint_eq(rcx, 0);
	ck_assert_uint_eq(attr_rd(0x4000 | 1ull << 50, &rcx), INVALID_RCX);
}

static uint64_t attr_wr(uint64_t rcx, uint64_t rdx, uint64_t r8, uint64_t *ret_rcx)
{
	struct td_regs r = {.rax = 24, .rcx = rcx, .rdx = rdx, .r8 = r8};

	td_call(&td, &vcpu, &r);
	ck_assert_uint_eq(r.rdx, 0);
	*ret_rcx = r.rcx;
	return r.rax;
}

TEST(attributes_are_written)
{
	uint64_t rcx;

	/* There is no VM to set any for: VM by VM, RDX before R8. */
	ck_assert_uint_eq(attr_wr(0x3001, 0x8007ull << 16, 1, &rcx), INVALID_R8);
	ck_assert_uint_eq(attr_wr(0x3001, 0x8007ull << 16, 0, &rcx), INVALID_RDX);
	ck_assert_uint_eq(attr_wr(0x3001, 1, 1, &rcx), INVALID_RDX);
	ck_assert_uint_eq(attr_wr(0x3001, 0, 1ull << 63, &rcx), INVALID_R8);
	ck_assert_uint_eq(attr_wr(0x3001, 0, 0, &rcx), INVALID_RCX);
	ck_assert_uint_eq(attr_wr(3, 0, 0, &rcx), INVALID_RCX);
	ck_assert_uint_eq(attr_wr(0x3000 | SHARED, 0, 0, &rcx), INVALID_RCX);
	ck_assert_uint_eq(rcx, 0);
	ck_assert_uint_eq(attr_wr(0 | 2, 0, 0, &rcx), MISMATCH_1G);
	ck_assert_uint_eq(attr_wr(BLOCK | 1, 0, 0, &rcx), 0);
	ck_assert_uint_eq(rcx, BLOCK | 1 | PENDING);
	ck_assert_uint_eq(accept(BLOCK | 1), 0);
	ck_assert_uint_eq(attr_wr(BLOCK | 1, 0, 0, &rcx), 0);
	ck_assert_uint_eq(rcx, BLOCK | 1);
	*private_at(BLOCK) = 0xaa;
	ck_assert_uint_eq(attr_wr(BLOCK + PAGE, 0, 0, &rcx), 0); /* the VMM splits */
	ck_assert_uint_eq(rcx, BLOCK + PAGE);
	ck_assert_uint_eq(accept(BLOCK), ACCEPTED_4K);
	ck_assert_uint_eq(*private_at(BLOCK), 0xaa);
	ck_assert_uint_eq(attr_wr(BLOCK | 1, 0, 0, &rcx), MISMATCH_2M);
}

/* What the VMM adds before the TD runs is accepted, by 4 KiB. */
TEST(added_at_the_start)
{
	td_page_add(&td, 0x3000, 2 * PAGE);
	ck_assert_uint_eq(accept(0x4000), ACCEPTED_4K);
	ck_assert_uint_eq(accept(0x5000), 0);
	ck_assert_uint_eq(accept(0 | 1), MISMATCH_2M);
}

/* A fast profile: nothing is kept, and both aliases are the same. */
TEST(not_enforced)
{
	uint64_t rcx;

	fake_start(0);
	ck_assert_uint_eq(accept(FAKE_RAM), 0);
	ck_assert_uint_eq(accept(FAKE_RAM), 0);
	ck_assert_uint_eq(map(FAKE_RAM | SHARED, PAGE, NULL), 0);
	ck_assert_uint_eq(attr_rd(FAKE_RAM + 5, &rcx), 0);
	ck_assert_uint_eq(rcx, FAKE_RAM);
	ck_assert_uint_eq(attr_wr(FAKE_RAM, 0, 0, &rcx), 0);
	ck_assert_uint_eq(rcx, FAKE_RAM);
	ck_assert_uint_eq(fake.remaps, 0);
}

TESTS("pages", .apart = true, .setup = setup)
