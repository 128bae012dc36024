/* SPDX-License-Identifier: Apache-2.0 */

#include "format/qgs.h"
#include "tdxemu/test/fake.h"
#include "test/tests.h"

#define INVALID     0x8000000000000000ull
#define MISALIGNED  0x8000000000000002ull
#define UNSUPPORTED 0x8000000000000003ull
#define SHARED      (1ull << 47)
#define ALL         0xffccull /* every register that can be exposed */

static void setup(void)
{
	fake_start(0);
}

static uint64_t vmcall(struct td_regs *r)
{
	r->rax = 0;
	r->rcx = ALL;
	td_call(&td, &vcpu, r);
	ck_assert_uint_eq(r->rax, 0);
	return r->r10;
}

static uint64_t vmcall4(uint64_t leaf, uint64_t r12, uint64_t r13, uint64_t r14, uint64_t r15)
{
	struct td_regs r = {.r11 = leaf, .r12 = r12, .r13 = r13, .r14 = r14, .r15 = r15};

	return vmcall(&r);
}

TEST(unexposed_registers_stay)
{
	struct td_regs r = {.rcx = 1 << 10 | 1 << 11, .r11 = 10, .r12 = 1, .r13 = 2, .r14 = 3};

	td_call(&td, &vcpu, &r);
	ck_assert_uint_eq(r.rax, 0);
	ck_assert_uint_eq(r.r12, 1);
	ck_assert_uint_eq(r.r14, 3);
	/* RBP never is: CONFIG_FLAGS.NO_RBP_MOD. Bits 31:16 are the XMM registers. */
	for (unsigned bit = 0; bit < 64; bit++) {
		bool allowed = bit < 32 && bit != 0 && bit != 1 && bit != 4 && bit != 5;

		r = (struct td_regs){.rcx = ALL | 1ull << bit, .r11 = 54};
		td_call(&td, &vcpu, &r);
		ck_assert_uint_eq(r.rax, allowed ? 0 : 0xc000010000000001ull);
	}
}

TEST(io)
{
	struct td_regs r = {.r11 = 30, .r12 = 1, .r14 = 0x3fd};

	ck_assert_uint_eq(vmcall(&r), 0);
	ck_assert_uint_eq(r.r11, 0xfd);
	ck_assert_uint_eq(vmcall4(30, 4, 1, 0xcf8, 0x12345678), 0);
	ck_assert_uint_eq(fake.last_write, 0x12345678);
	ck_assert_uint_eq(fake.accesses, 2);
	ck_assert_uint_eq(vmcall4(30, 3, 0, 0x80, 0), INVALID);
	ck_assert_uint_eq(vmcall4(30, 8, 0, 0x80, 0), INVALID);
	ck_assert_uint_eq(vmcall4(30, 1, 2, 0x80, 0), INVALID);
	ck_assert_uint_eq(vmcall4(30, 1, 0, 0x10000, 0), INVALID);
	ck_assert_uint_eq(fake.accesses, 2);
}

TEST(mmio)
{
	struct td_regs r = {.r11 = 48, .r12 = 4, .r14 = 0xfee00020 | SHARED};

	ck_assert_uint_eq(vmcall(&r), 0);
	ck_assert_uint_eq(r.r11, 0x5a);
	ck_assert_uint_eq(vmcall4(48, 4, 0, 0xfee00022 | SHARED, 0), MISALIGNED);
	ck_assert_uint_eq(vmcall4(48, 4, 0, 0xfee00020, 0), INVALID); /* private */
	ck_assert_uint_eq(vmcall4(48, 4, 1, FAKE_RAM | SHARED, 0), INVALID);
	ck_assert_uint_eq(vmcall4(48, 5, 0, 0xfee00000 | SHARED, 0), INVALID);
	ck_assert_uint_eq(vmcall4(48, 4, 0, 1ull << 52, 0), INVALID);
	ck_assert_uint_eq(fake.accesses, 1);
}

TEST(map_gpa)
{
	ck_assert_uint_eq(vmcall4(0x10001, FAKE_RAM | SHARED, 4096, 0, 0), 0);
	ck_assert_uint_eq(vmcall4(0x10001, FAKE_RAM + 1, 4096, 0, 0), MISALIGNED);
	ck_assert_uint_eq(vmcall4(0x10001, FAKE_RAM, 0, 0, 0), INVALID);
	ck_assert_uint_eq(vmcall4(0x10001, SHARED - 4096, 8192, 0, 0), INVALID); /* into shared */
	ck_assert_uint_eq(vmcall4(0x10001, 4096, ~4095ull, 0, 0), INVALID);      /* wraps */
}

TEST(halt)
{
	ck_assert_uint_eq(vmcall4(12, 0, 0, 0, 0), 0);
	ck_assert(vcpu.halt && !vcpu.halt_blocked);
	vcpu.halt = false;
	ck_assert_uint_eq(vmcall4(12, 1, 0, 0, 0), 0);
	ck_assert(vcpu.halt && vcpu.halt_blocked);
}

TEST(unknown)
{
	struct td_regs r = {.r10 = 1, .r11 = 30, .r12 = 1, .r14 = 0x80};

	ck_assert_uint_eq(vmcall4(0x1feed, 0, 0, 0, 0), UNSUPPORTED);
	ck_assert_uint_eq(vmcall4(0, 0, 0, 0, 0), UNSUPPORTED);
	ck_assert_uint_eq(vmcall(&r), (uint64_t)-1000); /* a vendor's call, not port I/O */
	ck_assert_uint_eq(fake.accesses, 0);
}

/* A vector of the vCPU that asks; told once for each quote, when the module next has the CPU. */
TEST(quote_with_notice)
{
	ck_assert_uint_eq(vmcall4(0x10004, 31, 0, 0, 0), INVALID);
	ck_assert_uint_eq(vmcall4(0x10004, 256, 0, 0, 0), INVALID);
	ck_assert(!td_event_poll(&td));
	ck_assert_uint_eq(vmcall4(0x10004, 0x40, 0, 0, 0), 0);
	ck_assert(!td_event_poll(&td));
	ck_assert_uint_eq(vmcall4(0x10002, FAKE_RAM | SHARED, 8192, 0, 0), 0);
	ck_assert(td_event_poll(&td)); /* awaited */
	ck_assert_uint_eq(fake.interrupts, 0);
	mailbox.answered = 1;
	ck_assert(!td_event_poll(&td));
	ck_assert(!td_event_poll(&td));
	ck_assert_uint_eq(fake.interrupts, 1);
	ck_assert_uint_eq(fake.interrupted_vcpu, 1);
	ck_assert_uint_eq(fake.interrupt_vector, 0x40);
}

TEST(vmcall_info)
{
	struct td_regs r = {.r11 = 0x10000, .r12 = 1, .r13 = 7, .r14 = 7};

	ck_assert_uint_eq(vmcall(&r), 0);
	ck_assert_uint_eq(r.r11, 2); /* SetupEventNotifyInterrupt */
	ck_assert_uint_eq(r.r12 | r.r13 | r.r14, 0);
	r = (struct td_regs){.r11 = 0x10000, .r12 = 0, .r13 = 7, .r14 = 7};
	ck_assert_uint_eq(vmcall(&r), 0);
	ck_assert_uint_eq(r.r11 | r.r12 | r.r13 | r.r14, 0);
	ck_assert_uint_eq(vmcall4(0x10000, 2, 0, 0, 0), INVALID);
}

TEST(fatal_error_is_escaped)
{
	struct td_regs r = {.r11 = 0x10003, .r14 = 0x0a0d1b6f6c6c6548ull, .r15 = 0x21};

	if (setjmp(fake.stopped) == 0) {
		vmcall(&r);
		ck_abort_msg("the guest went on");
	}
	ck_assert_str_eq(fake.reason,
	                 "the guest reports a fatal error: Hello??"
	                 "?!");
}

TEST(fatal_error_of_full_length)
{
	const uint64_t a = 0x4141414141414141;
	struct td_regs r = {.r11 = 0x10003,
	                    .r14 = a,
	                    .r15 = a,
	                    .rbx = a,
	                    .rdi = a,
	                    .rsi = a,
	                    .r8 = a,
	                    .r9 = a,
	                    .rdx = a};

	if (setjmp(fake.stopped) == 0)
		vmcall(&r);
	ck_assert_uint_eq(strlen(fake.reason), strlen("the guest reports a fatal error: ") + 64);
}

TEST(quote_request)
{
	struct get_quote_header *h = (struct get_quote_header *)fake.ram;

	h->version = 1;
	h->in_length = 1024;
	ck_assert_uint_eq(vmcall4(0x10002, FAKE_RAM | SHARED, 8192, 0, 0), 0);
	ck_assert_uint_eq(h->status, 0xffffffffffffffffull);
	ck_assert_uint_eq(mailbox.requested, 1);
	ck_assert_uint_eq(mailbox.gpa, FAKE_RAM);
	ck_assert_uint_eq(mailbox.size, 8192);
	ck_assert_uint_eq(fake.rings, 1);
	/* Busy: nothing of the second request is touched. */
	((struct get_quote_header *)(fake.ram + 8192))->status = 7;
	ck_assert_uint_eq(vmcall4(0x10002, (FAKE_RAM + 8192) | SHARED, 4096, 0, 0), 1);
	ck_assert_uint_eq(((struct get_quote_header *)(fake.ram + 8192))->status, 7);
	ck_assert_uint_eq(mailbox.gpa, FAKE_RAM);
	ck_assert_uint_eq(fake.rings, 1);
	mailbox.answered = 1;
	ck_assert_uint_eq(vmcall4(0x10002, (FAKE_RAM + 8192) | SHARED, 4096, 0, 0), 0);
	ck_assert_uint_eq(mailbox.requested, 2);
}

TEST(quote_refused)
{
	ck_assert_uint_eq(vmcall4(0x10002, FAKE_RAM, 4096, 0, 0), INVALID); /* private */
	ck_assert_uint_eq(vmcall4(0x10002, (FAKE_RAM + 8) | SHARED, 4096, 0, 0), MISALIGNED);
	ck_assert_uint_eq(vmcall4(0x10002, FAKE_RAM | SHARED, 4097, 0, 0), MISALIGNED);
	ck_assert_uint_eq(vmcall4(0x10002, FAKE_RAM | SHARED, 0, 0, 0), INVALID);
	ck_assert_uint_eq(vmcall4(0x10002, FAKE_RAM | SHARED, FAKE_SIZE + 4096, 0, 0), INVALID);
	ck_assert_uint_eq(vmcall4(0x10002, SHARED, 4096, 0, 0), INVALID);
	ck_assert_uint_eq(vmcall4(0x10002, FAKE_RAM | SHARED, ~4095ull, 0, 0), INVALID);
	ck_assert_uint_eq(mailbox.requested, 0);
	ck_assert_uint_eq(fake.rings, 0);
}

TESTS("vmcall", .apart = true, .setup = setup)
