/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/svm/decode.h"
#include "tdxemu/svm/insn.h"
#include "tdxemu/svm/log.h"

static uint8_t
        td_lock; /* one TDCALL at a time: RTMRs and the mailbox are the TD's, not the CPU's */

/* As the processor and the module do it, a fault's saved RFLAGS has RF set; a trap's has not. */
void cpu_inject(struct cpu *c, unsigned vector, int has_error)
{
	if (vector != VECTOR_DB)
		c->vmcb.rflags |= RFLAGS_RF;
	c->vmcb.event_inject =
	        vector | EVENT_EXCEPTION | EVENT_VALID | (has_error ? EVENT_ERROR : 0);
}

void cpu_inject_error(struct cpu *c, unsigned vector, uint32_t error)
{
	cpu_inject(c, vector, 1);
	c->vmcb.event_inject |= (uint64_t)error << 32;
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

void cpu_inject_exit(struct cpu *c, uint64_t reason, uint64_t qualification, uint64_t length)
{
	cpu_inject_ve(
	        c,
	        (struct td_ve){.reason = reason, .qualification = qualification, .length = length});
}

void cpu_advance(struct cpu *c, unsigned length)
{
	c->vmcb.rip += length;
	if (!cpu_is_code64(c))
		c->vmcb.rip = (uint32_t)c->vmcb.rip;
	c->vmcb.int_shadow = 0;
	c->vmcb.rflags &= ~RFLAGS_RF;
	if (c->vmcb.rflags & RFLAGS_TF) {
		c->vmcb.dr6 |= DR6_BS;
		cpu_inject(c, VECTOR_DB, 0);
	}
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

void cpu_tdcall(struct cpu *c, unsigned length)
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
	c->vmcb.rax = c->regs.rax;
	if (c->vcpu.halt) {
		c->vcpu.halt = false;
		cpu_halt(c, c->vcpu.halt_blocked);
	}
	cpu_advance(c, length);
}

/*
 * The length of the instruction at RIP, with its prefixes; where the guest has changed the code
 * since it ran, what it is without them.
 */
static unsigned length_of(const struct cpu *c, const uint8_t *opcode, unsigned size)
{
	struct insn i;
	unsigned length;

	insn_fetch(c, &i);
	length = insn_is(&i, opcode, size);
	return length ? length : size;
}
#define LENGTH(c, ...) \
	length_of(c, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void on_cpuid(struct cpu *c)
{
	const struct td_cpu_state s = cpu_state(c);
	unsigned length = LENGTH(c, 0x0f, 0xa2);
	uint32_t r[4];

	if (td_cpuid(&the_td, &c->vcpu, &s, (uint32_t)c->vmcb.rax, (uint32_t)c->regs.rcx, r) !=
	    TD_ANSWER_DONE) {
		cpu_inject_exit(c, VMX_REASON_CPUID, 0, length);
		return;
	}
	c->vmcb.rax = r[0];
	c->regs.rbx = r[1];
	c->regs.rcx = r[2];
	c->regs.rdx = r[3];
	cpu_advance(c, length);
}

static void on_msr(struct cpu *c)
{
	bool write = c->vmcb.exit_info1 & 1;
	unsigned length = LENGTH(c, 0x0f, write ? 0x30 : 0x32);
	uint64_t value = (uint32_t)c->vmcb.rax | c->regs.rdx << 32;
	uint32_t index = (uint32_t)c->regs.rcx;
	enum td_answer answer = write ? td_msr_write(&the_td, &c->vcpu, index, value)
	                              : td_msr_read(&the_td, &c->vcpu, index, &value);

	if (answer == TD_ANSWER_GP) {
		cpu_inject(c, VECTOR_GP, 1);
		return;
	}
	if (answer == TD_ANSWER_VE) {
		cpu_inject_exit(c, write ? VMX_REASON_WRMSR : VMX_REASON_RDMSR, 0, length);
		return;
	}
	if (!write) {
		c->vmcb.rax = (uint32_t)value;
		c->regs.rdx = value >> 32;
	}
	cpu_advance(c, length);
}

/* SVM's description of the port access, turned into VMX's exit qualification. */
static void on_io(struct cpu *c)
{
	uint64_t info = c->vmcb.exit_info1, size = info >> 4 & 7;
	uint64_t length = c->vmcb.exit_info2 - c->vmcb.rip;
	uint64_t qualification = (size - 1) | (info & 1) << 3 | (info >> 2 & 1) << 4 |
	                         (info >> 3 & 1) << 5 | info >> 16 << 16;
	struct insn i;

	insn_fetch_size(c, &i, length);
	if (insn_has_port(&i))
		qualification |= 1 << 6;
	length |= (uint64_t)insn_port_information(c, &i) << 32;
	cpu_inject_exit(c, VMX_REASON_IO, qualification, length);
}

/* TCG's translator tells INVD as WBINVD (seen in 7.2): the opcode says which it is. */
static void on_cache(struct cpu *c)
{
	const uint8_t invd[] = {0x0f, 0x08};
	struct insn i;
	unsigned length;

	insn_fetch(c, &i);
	length = insn_is(&i, invd, sizeof(invd));
	if (length)
		cpu_inject_exit(c, VMX_REASON_INVD, 0, length);
	else
		cpu_inject_exit(c, VMX_REASON_WBINVD, 0, LENGTH(c, 0x0f, 0x09));
}

/* Instructions that a TD may not execute and its VMM may do for it. */
static bool gives_ve(struct cpu *c)
{
	switch (c->vmcb.exit_code) {
	case VMEXIT_HLT:
		cpu_inject_exit(c, VMX_REASON_HLT, 0, LENGTH(c, 0xf4));
		return true;
	case VMEXIT_INVD:
	case VMEXIT_WBINVD:
		on_cache(c);
		return true;
	case VMEXIT_MONITOR:
		cpu_inject_exit(c, VMX_REASON_MONITOR, 0, LENGTH(c, 0x0f, 0x01, 0xc8));
		return true;
	case VMEXIT_MWAIT:
	case VMEXIT_MWAIT_ARMED:
		cpu_inject_exit(c, VMX_REASON_MWAIT, 0, LENGTH(c, 0x0f, 0x01, 0xc9));
		return true;
	case VMEXIT_IOIO:
		on_io(c);
		return true;
	default:
		return false;
	}
}

static void handle_exit(struct cpu *c)
{
	c->park.busy |= c->vmcb.exit_code != VMEXIT_INTR;
	if (gives_ve(c))
		return;
	switch ((uint32_t)c->vmcb.exit_code) {
	case VMEXIT_EXCEPTION_UD:
		on_undefined(c);
		break;
	case VMEXIT_EXCEPTION_GP:
		on_general_protection(c);
		break;
	case VMEXIT_CPUID:
		on_cpuid(c);
		break;
	case VMEXIT_MSR:
		on_msr(c);
		break;
	case VMEXIT_CR0_SELECTIVE:
		on_cr_write(c, 0);
		break;
	case VMEXIT_WRITE_CR4:
		on_cr_write(c, 4);
		break;
	case VMEXIT_RDPMC: /* ATTRIBUTES.PERFMON is off */
		cpu_inject(c, VECTOR_GP, 1);
		break;
	case VMEXIT_SWINT:
		on_software_interrupt(c);
		break;
	case VMEXIT_INVALID:
		on_invalid(c);
		break;
	case VMEXIT_SHUTDOWN:
		stop("the guest's triple fault");
	case VMEXIT_INIT:
		stop("INIT sent to a TD's CPU");
	case VMEXIT_NPF:
		cpu_nested_fault(c);
		break;
	case VMEXIT_INTR: /* of a parked CPU alone */
		park_slice_over(c);
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

/*
 * VMRUN and #VMEXIT load CR0 and CR4, and for each in which a bit of paging changes TCG forgets all
 * it knows of translations once more: half of what an exit costs. To the module, whose pages are the
 * supervisor's and writable, the bits mean nothing, so it has them as the guest does.
 */
static void follow_paging(const struct vmcb *v)
{
	uint64_t now = read_cr4(), wanted = (now & ~CR4_PAGING) | (v->cr4 & CR4_PAGING);

	if (wanted != now)
		write_cr4(wanted);
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
		follow_paging(&c->vmcb);
		if (c->park.on) /* with V_INTR_MASKING, the host's IF decides; GIF is 0 */
			__asm__ volatile("sti");
		vmrun(&c->vmcb, &c->regs);
		__asm__ volatile("cli");
		c->vmcb.tlb_control = 0;
		/* With a bit of their upper halves VMRUN would refuse them. */
		c->vmcb.dr6 = (uint32_t)c->vmcb.dr6;
		c->vmcb.dr7 = (uint32_t)c->vmcb.dr7;
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
