/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile guest: a sequence of TDCALLs and touches of memory with any registers and any memory.
 * Whatever it does, its identity and the key stay, only a report the module made has a right MAC,
 * and no page is private and shared at once.
 */
#include "fuzz/fuzz.h"
#include "tdxemu/test/fake.h"

#define CALLS_MAX  32
#define VE         1u /* the bits of the first byte */
#define PAGES      2u
#define PENDING_VE 4u
#define INTERRUPT  8u

/* Fields to begin from: of all three contexts, readable, writable and hidden. */
static const uint64_t fields[] = {
        0x1310000300000000, 0x1110000300000017,
        0x9110000300000010, 0x9810000300000010,
        0xa020000000000007, 0xa120000000000000,
        0x0024000300006800, 0x0800000100000003,
        0x2000000100000001, ~0ull,
};

/* A leaf that is there, and operands near what it wants. */
static void choose(struct td_regs *r)
{
	if (r->rbp & 16)
		r->rax = (r->rax & 31) | (r->rax & 1 << 16);
	if (r->rbp & 32 && r->rax == 0) {
		r->rcx = 0xfc00;
		r->r10 = 0;
		r->r11 = 0x10000 + (r->r11 & 7);
	}
	if (r->rbp & 64) {
		r->rcx = 0;
		r->rdx = fields[r->rdx % (sizeof(fields) / sizeof(*fields))] + (r->rdx >> 60);
		r->r8 = r->rdx;
	}
}

/* Addresses of memory rather than any, with a level or a shared bit as it comes. */
static void bias(struct td_regs *r)
{
	if (!td.pages.enforced) {
		r->rcx = FAKE_RAM + (r->rcx & 0xfc00);
		r->rdx = FAKE_RAM + (r->rdx & 0xffc0);
		return;
	}
	r->rcx &= 0x7fffff | TD_SHARED;
	r->rdx &= 0x7fffff | TD_SHARED;
	r->r12 &= 0x7fffff | TD_SHARED;
	r->r13 &= 0x7fffff;
	if (r->rbp & 4)
		r->rcx &= ~0xff8ull, r->r12 &= ~0xfffull, r->r13 &= ~0xfffull;
}

static void step(struct td_regs *r)
{
	vcpu.due.valid = false;
	if (td.pages.enforced && r->rbp & 8)
		td_ept_violation(&td, &vcpu, r->rcx & (TD_SHARED | (TD_SHARED - 1)), TD_ACCESS_READ,
		                 r->rdx);
	else
		td_call(&td, &vcpu, r);
	/* no #VE of a pending page */
	if (td.pages.enforced && td.td_ctls & TD_CTLS_PENDING_VE_DISABLE)
		FUZZ_CHECK(!vcpu.due.valid || vcpu.due.gpa & TD_SHARED);
	if (r->rbp & 2)
		mailbox.answered = mailbox.requested;
	td_event_poll(&td);
}

static void check_pages(void)
{
	const struct td_pages *p = &td.pages;

	for (uint64_t gpa = 0; p->enforced && gpa < FAKE_LOW; gpa += TD_PAGE_SIZE) {
		unsigned state = td_page_state(p, gpa);

		FUZZ_CHECK(!(state & TD_PAGE_SHARED && state & TD_PAGE_ACCEPTED));
		FUZZ_CHECK(td_page_block(p, gpa) != TD_BLOCK_LEAF || state & TD_PAGE_ACCEPTED);
		FUZZ_CHECK(td_page_block(p, gpa) != TD_BLOCK_NONE || !(state & TD_PAGE_ACCEPTED));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct td_info before;
	struct td_regs r;
	uint8_t key[32];

	unsigned how = size > 0 ? data[0] : 0;

	if (how & PAGES)
		fake_start_pages();
	else
		fake_start(how & VE ? TDXEMU_FLAG_VE : 0);
	if (how & PENDING_VE)
		td.td_ctls = 0;
	fake.interrupt_pending = how & INTERRUPT;
	memcpy(&before, &td.info, sizeof(before));
	memcpy(key, td.mac_key, sizeof(key));
	if (setjmp(fake.stopped))
		return 0;
	for (unsigned n = 0; n < CALLS_MAX && size >= sizeof(r); n++) {
		memcpy(&r, data, sizeof(r));
		data += sizeof(r);
		size -= sizeof(r);
		memcpy(fake.ram, data, size < FAKE_SIZE ? size : FAKE_SIZE);
		if (r.rbp & 1)
			bias(&r);
		choose(&r);
		step(&r);
	}
	check_pages();
	memcpy(before.rtmr, td.info.rtmr, sizeof(before.rtmr));
	FUZZ_CHECK(memcmp(&before, &td.info, sizeof(before)) == 0);
	FUZZ_CHECK(memcmp(key, td.mac_key, 32) == 0);
	FUZZ_CHECK(!fake.msr_writes || (fake.last_msr != 0x1b && fake.last_msr < 0xc0010000u));
	return 0;
}
