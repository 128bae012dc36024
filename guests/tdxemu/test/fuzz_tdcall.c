/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile guest: a sequence of TDCALLs and touches of memory with any registers and any memory.
 * Whatever it does, its identity and the key stay, only a report the module made has a right MAC,
 * and no page is private and shared at once.
 */
#include "fuzz/fuzz.h"
#include "tdxemu/core/field.h"
#include "tdxemu/test/fake.h"

#define CALLS_MAX  32
#define VE         1u /* the bits of the first byte */
#define PAGES      2u
#define PENDING_VE 4u
#define INTERRUPT  8u

enum {
	VM_RD = 7,
	VM_WR = 8,
	VP_RD = 9,
	VP_WR = 10,
	SYS_RD = 11,
	SYS_RDALL = 12,
	LEAVES = 32,
	ROWS_MAX = 256
};

#define CPUID_VALUES      0x9410000300000000ull
#define CPUID_VALUES_NAME 0x1ffffull

/* What TDG.VP.VMCALL names: exit reasons, calls of their own, and one that is none. */
static const uint64_t calls[] = {10,      12,      30,      31,      32,      48,     54,
                                 0x10000, 0x10001, 0x10002, 0x10003, 0x10004, 0x10005};
#define CALLS (sizeof(calls) / sizeof(*calls))

/* What was named so far; by full_reach.py, see reach(). */
static bool leaf_named[LEAVES], call_named[CALLS], row_named[3][2][ROWS_MAX];

/* An element of one of the module's own rows, or what is behind it; the bits to write as they come. */
static void choose_field(struct td_regs *r)
{
	unsigned leaf = r->rax & 31, context = leaf == SYS_RD  ? TD_CONTEXT_SYS
	                                       : leaf >= VP_RD ? TD_CONTEXT_VCPU
	                                                       : TD_CONTEXT_TD;
	const struct field_table *t;
	const struct field_row *row;
	unsigned n;

	if (leaf < VM_RD || leaf > SYS_RD)
		return;
	t = &field_tables[context];
	n = (unsigned)(r->rdx % t->rows);
	row = &t->row[n];
	row_named[context][leaf == VM_WR || leaf == VP_WR][n] = true;
	r->rcx = 0;
	r->rdx = row->id +
	         (uint64_t)row->stride * (r->rdx >> 40) % (row->fields * row->elements + 1);
	if (r->rbp & 128) /* bits that may be written, or one that may not */
		r->r9 &= r->rbp & 256 ? row->write : 1ull << (r->r8 & 63);
}

/* Operands near what a call wants: a register's number, a size and direction, a vector, a buffer. */
static void choose_operands(struct td_regs *r)
{
	switch (r->r11) {
	case 30: /* an access to a port or to a device's memory */
	case 48:
		r->r12 = 1ull << (r->r12 & 3);
		r->r13 &= 1;
		r->r14 = r->r11 == 30 ? r->r14 & 0xffff
		                      : 0xfed00000 + (r->r14 & (TD_SHARED | 0xfff));
		break;
	case 31: /* an MSR */
	case 32:
		r->r12 = (r->r12 & 1 << 16 ? 0xc0000000u : 0) + (r->r12 & 0xfff);
		break;
	case 0x10000:
		r->r12 &= 1;
		break;
	case 0x10002: /* GetQuote */
		r->r12 = (td.pages.enforced ? r->r12 & 0x3ff000 : FAKE_RAM + (r->r12 & 0xf000)) |
		         TD_SHARED;
		r->r13 = TD_PAGE_SIZE * (1 + (r->r13 & 1));
		break;
	case 0x10004:
		r->r12 &= 0xff;
	}
}

static void choose_call(struct td_regs *r)
{
	unsigned n = (unsigned)(r->r11 % CALLS);

	r->rcx = 0xfc00;
	r->r10 = 0;
	r->r11 = calls[n];
	call_named[n] = true;
	if (r->rbp & 512)
		choose_operands(r);
}

/* A leaf that is there, and operands near what it wants. */
static void choose(struct td_regs *r)
{
	if (r->rbp & 16)
		r->rax = (r->rax & 31) | (r->rax & 1 << 16);
	if (r->rax < LEAVES)
		leaf_named[r->rax] = true;
	if (r->rbp & 32 && r->rax == 0)
		choose_call(r);
	if (r->rbp & 64)
		choose_field(r);
	if (r->rbp & 1024) /* TDG.MEM.PAGE.ATTR.WR for no VM */
		r->rdx = r->r8 = 0;
	if ((r->rbp & 0x4080) == 0x4080) /* CPUID_VALUES, named by leaf and subleaf */
		r->rdx = CPUID_VALUES | (r->rdx & CPUID_VALUES_NAME);
	if ((r->rbp & 0x1800) == 0x1800) /* the first field */
		r->rdx = ~0ull;
	if (r->rax == SYS_RDALL && r->rbp & 0x2000) { /* all of them, into a page */
		r->rdx = (td.pages.enforced ? 0 : FAKE_RAM) + (r->r13 & 0xf000);
		r->r8 = ~0ull;
	}
}

static void reach(void)
{
	FILE *f = fopen(getenv("TCEPTION_REACH"), "w");

	for (unsigned i = 0; f && i < LEAVES; i++)
		if (!leaf_named[i])
			fprintf(f, "leaf %u\n", i);
	for (unsigned i = 0; f && i < CALLS; i++)
		if (!call_named[i])
			fprintf(f, "call 0x%llx\n", (unsigned long long)calls[i]);
	for (unsigned t = 0; f && t < 3; t++)
		for (unsigned i = 0; i < field_tables[t].rows; i++)
			for (unsigned write = 0; write < (t == TD_CONTEXT_SYS ? 1 : 2); write++)
				if (!row_named[t][write][i])
					fprintf(f, "field %llx %u\n",
					        (unsigned long long)field_tables[t].row[i].id,
					        write);
	if (f)
		fclose(f);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	for (unsigned t = 0; t < 3; t++)
		if (field_tables[t].rows > ROWS_MAX)
			__builtin_trap();
	return getenv("TCEPTION_REACH") ? atexit(reach) : 0;
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
	if (r->rbp & 256) /* where 2 MiB begin */
		r->rcx &= 0x600007 | TD_SHARED;
}

static void step(struct td_regs *r)
{
	if (vcpu.due.valid) { /* delivered, as svm/ does it */
		vcpu.ve = vcpu.due;
		vcpu.due.valid = false;
	}
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
