/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"
#include "tdxemu/svm/log.h"

#define VECTOR_UD 6
#define VECTOR_DF 8
#define VECTOR_GP 13
#define VECTOR_VE 20

#define VMX_REASON_CPUID 10
#define VMX_REASON_HLT   12
#define VMX_REASON_IO    30
#define VMX_REASON_RDMSR 31
#define VMX_REASON_WRMSR 32

static uint8_t
        td_lock; /* one TDCALL at a time: RTMRs and the mailbox are the TD's, not the CPU's */

void cpu_inject(struct cpu *c, unsigned vector, int has_error)
{
	c->vmcb.event_inject =
	        vector | EVENT_EXCEPTION | EVENT_VALID | (has_error ? EVENT_ERROR : 0);
}

void cpu_inject_ve(struct cpu *c, struct td_ve ve)
{
	if (c->vcpu.ve.valid) { /* a #VE before the last one was fetched */
		cpu_inject(c, VECTOR_DF, 1);
		return;
	}
	ve.valid = true;
	c->vcpu.ve = ve;
	cpu_inject(c, VECTOR_VE, 0);
}

static void inject_ve(struct cpu *c, uint64_t reason, uint64_t qualification, uint64_t length)
{
	cpu_inject_ve(
	        c,
	        (struct td_ve){.reason = reason, .qualification = qualification, .length = length});
}

static void advance(struct cpu *c, unsigned length)
{
	c->vmcb.rip += length;
	c->vmcb.int_shadow = 0;
}

void cpu_lock(void)
{
	while (__atomic_test_and_set(&td_lock, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
}

void cpu_unlock(void)
{
	__atomic_clear(&td_lock, __ATOMIC_RELEASE);
}

static void tdcall(struct cpu *c, unsigned length)
{
	c->regs.rax = c->vmcb.rax;
	cpu_lock();
	td_call(&the_td, &c->vcpu, &c->regs);
	cpu_unlock();
	if (c->vcpu.due.valid) {
		cpu_inject_ve(c, c->vcpu.due);
		c->vcpu.due.valid = false;
		return;
	}
	advance(c, length);
	c->vmcb.rax = c->regs.rax;
	if (c->vcpu.halt) {
		c->vcpu.halt = false;
		cpu_halt(c, c->vcpu.halt_blocked);
	}
}

static void on_ud(struct cpu *c)
{
	unsigned length = decode_tdcall(c);

	if (length == 0)
		cpu_inject(c, VECTOR_UD, 0);
	else if (c->vmcb.cpl > 0)
		cpu_inject(c, VECTOR_GP, 1);
	else
		tdcall(c, length);
}

/* Where the guest has changed the code since it ran, the length without prefixes is assumed. */
static unsigned length_or(unsigned length, unsigned usual)
{
	return length > 0 ? length : usual;
}

static void on_cpuid(struct cpu *c)
{
	uint32_t level = c->vmcb.cpl == 0 ? TD_CPUIDVE_SUPERVISOR : TD_CPUIDVE_USER, r[4];
	unsigned length = length_or(decode_cpuid(c), 2);

	if (c->vcpu.cpuid_ve & level || td_cpuid_gives_ve(&the_td, (uint32_t)c->vmcb.rax)) {
		inject_ve(c, VMX_REASON_CPUID, 0, length);
		return;
	}
	td_cpuid(&the_td, (uint32_t)c->vmcb.rax, (uint32_t)c->regs.rcx, r);
	c->vmcb.rax = r[0];
	c->regs.rbx = r[1];
	c->regs.rcx = r[2];
	c->regs.rdx = r[3];
	advance(c, length);
}

static void on_msr(struct cpu *c)
{
	uint32_t index = (uint32_t)c->regs.rcx;
	uint64_t value = (uint32_t)c->vmcb.rax | c->regs.rdx << 32;
	unsigned length = length_or(decode_msr(c), 2);
	bool write = c->vmcb.exit_info1 & 1;

	switch (write ? td_msr_write(&the_td, index, value) : td_msr_read(&the_td, index, &value)) {
	case TD_MSR_GP:
		cpu_inject(c, VECTOR_GP, 1);
		return;
	case TD_MSR_VE:
		inject_ve(c, write ? VMX_REASON_WRMSR : VMX_REASON_RDMSR, 0, length);
		return;
	case TD_MSR_DONE:
		break;
	}
	if (!write) {
		c->vmcb.rax = (uint32_t)value;
		c->regs.rdx = value >> 32;
	}
	advance(c, length);
}

/* SVM's description of the port access, turned into VMX's exit qualification. */
static void on_io(struct cpu *c)
{
	uint64_t info = c->vmcb.exit_info1, size = info >> 4 & 7;
	uint64_t qualification = (size - 1) | (info & 1) << 3 | (info >> 2 & 1) << 4 |
	                         (info >> 3 & 1) << 5 | info >> 16 << 16;

	inject_ve(c, VMX_REASON_IO, qualification, c->vmcb.exit_info2 - c->vmcb.rip);
}

static void handle_exit(struct cpu *c)
{
	switch (c->vmcb.exit_code) {
	case VMEXIT_EXCEPTION_UD:
		on_ud(c);
		break;
	case VMEXIT_CPUID:
		on_cpuid(c);
		break;
	case VMEXIT_MSR:
		on_msr(c);
		break;
	case VMEXIT_IOIO:
		on_io(c);
		break;
	case VMEXIT_HLT:
		inject_ve(c, VMX_REASON_HLT, 0, length_or(decode_hlt(c), 1));
		break;
	case VMEXIT_SHUTDOWN:
		stop("the guest's triple fault");
	case VMEXIT_INIT:
		stop("INIT sent to a TD's CPU");
	case VMEXIT_NPF:
		cpu_nested_fault(c);
		break;
	default:
		if (!vmexit_is_missing(c->vmcb.exit_code))
			stop("an exit that this module does not know");
		cpu_inject(c, VECTOR_UD, 0);
	}
}

/* A finished quote, for a guest that wants to be told; no lock for the others. */
static bool poll_event(void)
{
	bool awaited;

	if (!__atomic_load_n(&the_td.event_vector, __ATOMIC_RELAXED))
		return false;
	cpu_lock();
	awaited = td_event_poll(&the_td);
	cpu_unlock();
	return awaited;
}

static uint32_t flush_epoch;

void cpu_flush_all(void)
{
	__atomic_add_fetch(&flush_epoch, 1, __ATOMIC_RELEASE);
}

void cpu_run(struct cpu *c)
{
	uint32_t flushed = 0;

	for (;;) {
		uint32_t epoch = __atomic_load_n(&flush_epoch, __ATOMIC_ACQUIRE);
		uint64_t interrupted;

		if (flushed != epoch)
			c->vmcb.tlb_control = 1;
		flushed = epoch;
		vmrun(&c->vmcb, &c->regs);
		c->vmcb.tlb_control = 0;
		/* An event whose delivery the exit cut short is delivered again. */
		interrupted = c->vmcb.exit_int_info;
		c->vmcb.event_inject = interrupted & EVENT_VALID ? interrupted : 0;
		handle_exit(c);
		poll_event();
	}
}

/*
 * Waits until an interrupt is pending, but leaves it in the local APIC for the guest. GIF is 0
 * here, so HLT would never wake; a little guest waits in our place, whose #VMEXIT(INTR) takes no
 * interrupt.
 */
void cpu_halt(struct cpu *c, bool blocked)
{
	while (poll_event() && !svm_port.interrupt_pending()) /* nothing else wakes us for it */
		__builtin_ia32_pause();
	c->halt.rip = (uint64_t)halt_code;
	c->halt.exit_code = ~0ull;
	vmrun_halt(&c->halt, blocked);
	if (c->halt.exit_code == VMEXIT_INTR || c->halt.exit_code == VMEXIT_NMI)
		return;
	if (c->halt.exit_code == VMEXIT_INIT)
		stop("INIT sent to a TD's CPU");
	stop("an unknown exit while the CPU was halted");
}
