/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDG.VP.VMCALL: what a TD asks of its VMM. GHCI specification, section 3. R10 is 0 for the
 * standard sub-functions, whose number is in R11; R10 is the result on return.
 */
#include "tdxemu/core/mem.h"

#include <string.h>

#include "format/qgs.h"

enum vmcall { /* below 64 they are VMX exit reasons: the instruction the guest wants done */
	      VMCALL_CPUID = 10,
	      VMCALL_HLT = 12,
	      VMCALL_IO = 30,
	      VMCALL_RDMSR = 31,
	      VMCALL_WRMSR = 32,
	      VMCALL_MMIO = 48,
	      VMCALL_WBINVD = 54,
	      VMCALL_GET_TD_VM_CALL_INFO = 0x10000,
	      VMCALL_MAP_GPA = 0x10001,
	      VMCALL_GET_QUOTE = 0x10002,
	      VMCALL_REPORT_FATAL_ERROR = 0x10003,
	      VMCALL_SETUP_EVENT_NOTIFY = 0x10004,
};

static uint64_t do_io(const struct td_port *port, struct td_regs *r)
{
	uint64_t size = r->r12;

	if ((size != 1 && size != 2 && size != 4) || r->r13 > 1 || r->r14 > 0xffff)
		return TDVMCALL_INVALID;
	if (r->r13)
		port->port_out((uint16_t)r->r14, (unsigned)size, (uint32_t)r->r15);
	else
		r->r11 = port->port_in((uint16_t)r->r14, (unsigned)size);
	return TDVMCALL_SUCCESS;
}

static uint64_t do_mmio(const struct td_port *port, struct td_regs *r)
{
	uint64_t size = r->r12, gpa = r->r14 & ~TD_SHARED;
	bool done;

	if ((size != 1 && size != 2 && size != 4 && size != 8) || r->r13 > 1 || gpa >= TD_SHARED)
		return TDVMCALL_INVALID;
	if (!(r->r14 & TD_SHARED)) /* a private address is no device's */
		return TDVMCALL_INVALID;
	if (gpa & (size - 1))
		return TDVMCALL_ALIGN_ERROR;
	if (r->r13)
		done = port->mmio_write(gpa, (unsigned)size, r->r15);
	else
		done = port->mmio_read(gpa, (unsigned)size, &r->r11);
	return done ? TDVMCALL_SUCCESS : TDVMCALL_INVALID;
}

/*
 * Leaves the request in the mailbox. The harness checks all of it once more, because it reads the
 * same memory through the RAM file, and completes it by changing the buffer's status.
 */
static uint64_t get_quote(struct td *td, const struct td_regs *r)
{
	volatile struct tdxemu_mailbox *box = td->mailbox;
	uint64_t gpa = r->r12 & ~TD_SHARED, size = r->r13;
	struct get_quote_header *header;

	if (!(r->r12 & TD_SHARED) || size < 4096)
		return TDVMCALL_INVALID;
	if ((gpa | size) & 4095)
		return TDVMCALL_ALIGN_ERROR;
	header = td->port->guest(r->r12, size);
	if (!header)
		return TDVMCALL_INVALID;
	if (box->requested != box->answered)
		return TDVMCALL_RETRY;
	__atomic_store_n(&header->status, GET_QUOTE_IN_FLIGHT, __ATOMIC_RELEASE);
	box->gpa = gpa;
	box->size = size;
	__atomic_store_n(&box->requested, box->requested + 1, __ATOMIC_RELEASE);
	td->port->ring();
	return TDVMCALL_SUCCESS;
}

#define FATAL_GPA (1ull << 63) /* R13 is the address of more */

/* The guest's last words: up to 64 bytes of text in registers. */
static void report_fatal_error(const struct td *td, const struct td_regs *r)
{
	const uint64_t word[8] = {r->r14, r->r15, r->rbx, r->rdi, r->rsi, r->r8, r->r9, r->rdx};
	static const char said[] = "the guest reports a fatal error: ";
	char text[sizeof(said) + sizeof(word)];
	char *at = text + sizeof(said) - 1;

	memcpy(text, said, sizeof(said));
	for (size_t i = 0; i < sizeof(word); i++) {
		char c = (char)(word[i / 8] >> (i % 8 * 8));

		if (!c)
			break;
		*at++ = c >= ' ' && c <= '~' ? c : '?';
	}
	*at = 0;
	td->port->log("fatal error, code", r->r12 & ~FATAL_GPA);
	if (r->r12 & FATAL_GPA)
		td->port->log("fatal error, more at", r->r13);
	td->port->stop(text);
}

/*
 * Quotes are finished in this module's absence: by the harness, which changes the buffer's status.
 * td_event_poll tells the guest when it next has the CPU.
 */
static uint64_t setup_event_notify(struct td *td, const struct td_vcpu *vcpu,
                                   const struct td_regs *r)
{
	if (r->r12 < 32 || r->r12 > 255)
		return TDVMCALL_INVALID;
	td->event_vector = (uint8_t)r->r12;
	td->event_vcpu = vcpu->index;
	return TDVMCALL_SUCCESS;
}

bool td_event_poll(struct td *td)
{
	const volatile struct tdxemu_mailbox *box = td->mailbox;
	uint64_t answered = __atomic_load_n(&box->answered, __ATOMIC_ACQUIRE);

	if (!td->event_vector || td->event_told == box->requested)
		return false;
	if (answered != box->requested)
		return true;
	td->event_told = box->requested;
	td->port->interrupt(td->event_vcpu, td->event_vector);
	return false;
}

/* R12 = 1 asks for what is beyond the base set: R11 bit 1 is SetupEventNotifyInterrupt. */
static uint64_t get_td_vm_call_info(struct td_regs *r)
{
	uint64_t leaf = r->r12;

	if (leaf > 1)
		return TDVMCALL_INVALID;
	r->r11 = r->r12 = r->r13 = r->r14 = 0;
	if (leaf == 1)
		r->r11 = 1 << 1;
	return TDVMCALL_SUCCESS;
}

static uint64_t do_cpuid(const struct td *td, struct td_regs *r)
{
	uint32_t v[4];

	td_cpuid_by_vmcall(td, (uint32_t)r->r12, (uint32_t)r->r13, v);
	r->r12 = v[0];
	r->r13 = v[1];
	r->r14 = v[2];
	r->r15 = v[3];
	return TDVMCALL_SUCCESS;
}

static uint64_t do_rdmsr(const struct td *td, struct td_regs *r)
{
	return td_msr_read_by_vmcall(td, r->r12, &r->r11) ? TDVMCALL_SUCCESS : TDVMCALL_INVALID;
}

static uint64_t standard_vmcall(struct td *td, struct td_vcpu *vcpu, struct td_regs *r)
{
	switch (r->r11) {
	case VMCALL_CPUID:
		return do_cpuid(td, r);
	case VMCALL_HLT:
		vcpu->halt = true;
		vcpu->halt_blocked = r->r12 != 0;
		return TDVMCALL_SUCCESS;
	case VMCALL_IO:
		return do_io(td->port, r);
	case VMCALL_RDMSR:
		return do_rdmsr(td, r);
	case VMCALL_WRMSR:
		return td_msr_write_by_vmcall(td, r->r12, r->r13) ? TDVMCALL_SUCCESS
		                                                  : TDVMCALL_INVALID;
	case VMCALL_MMIO:
		return do_mmio(td->port, r);
	case VMCALL_WBINVD:
		return TDVMCALL_SUCCESS;
	case VMCALL_GET_TD_VM_CALL_INFO:
		return get_td_vm_call_info(r);
	case VMCALL_MAP_GPA:
		return td_map_gpa(td, r);
	case VMCALL_GET_QUOTE:
		return get_quote(td, r);
	case VMCALL_REPORT_FATAL_ERROR:
		report_fatal_error(td, r);
		return TDVMCALL_INVALID;
	case VMCALL_SETUP_EVENT_NOTIFY:
		return setup_event_notify(td, vcpu, r);
	default:
		td->port->log("unknown TDVMCALL", r->r11);
		return TDVMCALL_UNSUPPORTED;
	}
}

/*
 * The registers that the mask in RCX can expose to the VMM, by the numbers of its bits. RAX, RCX and
 * RSP it never can, and RBP not in a TD of KVM's: CONFIG_FLAGS.NO_RBP_MOD. Bits 31:16 are XMM0-15,
 * which the VMM of the model neither reads nor changes.
 */
static const uint8_t exposed[16] = {
        [2] = offsetof(struct td_regs, rdx),  [3] = offsetof(struct td_regs, rbx),
        [6] = offsetof(struct td_regs, rsi),  [7] = offsetof(struct td_regs, rdi),
        [8] = offsetof(struct td_regs, r8),   [9] = offsetof(struct td_regs, r9),
        [10] = offsetof(struct td_regs, r10), [11] = offsetof(struct td_regs, r11),
        [12] = offsetof(struct td_regs, r12), [13] = offsetof(struct td_regs, r13),
        [14] = offsetof(struct td_regs, r14), [15] = offsetof(struct td_regs, r15),
};
#define NEVER_EXPOSED (~0xffffffffull | 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5)

static void copy_exposed(struct td_regs *to, const struct td_regs *from, uint64_t mask)
{
	for (unsigned i = 2; i < 16; i++)
		if (mask >> i & 1)
			memcpy((uint8_t *)to + exposed[i], (const uint8_t *)from + exposed[i], 8);
}

/* The VMM sees zero in a register that the guest keeps to itself, and cannot change it. */
void td_vmcall(struct td *td, struct td_vcpu *vcpu, struct td_regs *r)
{
	struct td_regs seen = {0};

	if (r->rcx & NEVER_EXPOSED) {
		r->rax = TDX_OPERAND_INVALID | TDX_OPERAND_RCX;
		return;
	}
	copy_exposed(&seen, r, r->rcx);
	if (seen.r10 == 0)
		seen.r10 = standard_vmcall(td, vcpu, &seen);
	else /* a vendor's hypercall: KVM's answer to an unknown one is -ENOSYS */
		seen.r10 = (uint64_t)-1000;
	copy_exposed(r, &seen, r->rcx);
	r->rax = TDX_SUCCESS;
}
