/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDG.VP.VMCALL: what a TD asks of its VMM. GHCI specification, section 3. R10 is 0 for the
 * standard sub-functions, whose number is in R11; R10 is the result on return.
 */
#include "tdxemu/core/td.h"

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
	      VMCALL_PCONFIG = 65,
	      VMCALL_GET_TD_VM_CALL_INFO = 0x10000,
	      VMCALL_MAP_GPA = 0x10001,
	      VMCALL_GET_QUOTE = 0x10002,
	      VMCALL_REPORT_FATAL_ERROR = 0x10003,
	      VMCALL_SETUP_EVENT_NOTIFY = 0x10004,
};

static uint64_t do_io(const struct td_port *port, struct td_regs *r)
{
	uint64_t size = r->r12;

	if ((size != 1 && size != 2 && size != 4) || r->r14 > 0xffff)
		return TDVMCALL_INVALID;
	if (r->r13)
		port->port_out((uint16_t)r->r14, (unsigned)size, (uint32_t)r->r15);
	else
		r->r11 = port->port_in((uint16_t)r->r14, (unsigned)size);
	return TDVMCALL_SUCCESS;
}

/* Devices only: RAM is the guest's own to read, and the module's is nobody's. */
static uint64_t do_mmio(const struct td_port *port, struct td_regs *r)
{
	uint64_t size = r->r12, gpa = r->r14 & ~TD_SHARED;

	if ((size != 1 && size != 2 && size != 4 && size != 8) || gpa >= TD_SHARED)
		return TDVMCALL_INVALID;
	if (r->r13)
		port->mmio_write(gpa, (unsigned)size, r->r15);
	else
		r->r11 = port->mmio_read(gpa, (unsigned)size);
	return TDVMCALL_SUCCESS;
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
	header = td->port->guest(gpa, size);
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
	td->port->stop(text);
}

static uint64_t do_cpuid(const struct td *td, struct td_regs *r)
{
	uint32_t v[4];

	td_cpuid(td, (uint32_t)r->r12, (uint32_t)r->r13, v);
	r->r12 = v[0];
	r->r13 = v[1];
	r->r14 = v[2];
	r->r15 = v[3];
	return TDVMCALL_SUCCESS;
}

static uint64_t do_rdmsr(const struct td *td, struct td_regs *r)
{
	uint64_t value;

	if (!td->port->msr_read((uint32_t)r->r12, &value))
		return TDVMCALL_INVALID;
	r->r11 = value;
	return TDVMCALL_SUCCESS;
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
		return td->port->msr_write((uint32_t)r->r12, r->r13) ? TDVMCALL_SUCCESS
		                                                     : TDVMCALL_INVALID;
	case VMCALL_MMIO:
		return do_mmio(td->port, r);
	case VMCALL_WBINVD:
		return TDVMCALL_SUCCESS;
	case VMCALL_GET_TD_VM_CALL_INFO:
		r->r11 = r->r12 = r->r13 = r->r14 = 0; /* the base set of sub-functions */
		return TDVMCALL_SUCCESS;
	case VMCALL_MAP_GPA: /* both aliases reach the same page: see README, "Not faithful" */
		return (r->r12 | r->r13) & 4095 ? TDVMCALL_ALIGN_ERROR : TDVMCALL_SUCCESS;
	case VMCALL_GET_QUOTE:
		return get_quote(td, r);
	case VMCALL_REPORT_FATAL_ERROR:
		report_fatal_error(td, r);
		return TDVMCALL_INVALID;
	case VMCALL_SETUP_EVENT_NOTIFY:
		return TDVMCALL_UNSUPPORTED; /* the guest polls the status instead */
	default:
		td->port->log("unknown TDVMCALL", r->r11);
		return TDVMCALL_UNSUPPORTED;
	}
}

void td_vmcall(struct td *td, struct td_vcpu *vcpu, struct td_regs *r)
{
	if (r->r10 != 0) { /* a vendor's hypercall: KVM's answer to an unknown one is -ENOSYS */
		r->r10 = (uint64_t)-1000;
		return;
	}
	r->r10 = standard_vmcall(td, vcpu, r);
}
