/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "tdxemu/core/td.h"
#include "tdxemu/svm/vmcb.h"

/* VMX exit reasons, which a #VE carries. Intel SDM volume 3, appendix C. */
#define VMX_REASON_CPUID   10
#define VMX_REASON_HLT     12
#define VMX_REASON_INVD    13
#define VMX_REASON_VMCALL  18
#define VMX_REASON_CR      28
#define VMX_REASON_IO      30
#define VMX_REASON_RDMSR   31
#define VMX_REASON_WRMSR   32
#define VMX_REASON_MWAIT   36
#define VMX_REASON_MONITOR 39
#define VMX_REASON_WBINVD  54

/*
 * One virtual CPU: its control blocks and, at the top of its 64 KiB, our stack on it. Aligned to
 * its size, so that the stack pointer says which CPU we are on (GS belongs to the guest).
 */
#define CPU_SIZE 0x10000u

/* The local APIC's timer as the guest has set it: in ticks of its crystal, see svm/timer.c. */
struct cpu_timer {
	uint32_t divide;  /* its divide configuration register */
	uint32_t initial; /* ticks */
	unsigned shift;   /* QEMU's divider: counts nanoseconds >> shift */
};

/* A CPU that the kernel has not woken yet: svm/park.c. */
struct cpu_park {
	uint64_t rip;   /* where its last slice ended */
	uint32_t sleep; /* ns, of the next */
	bool on, busy;  /* busy: it had an exit since */
};

struct cpu {
	struct vmcb vmcb;
	struct vmcb halt; /* a little guest that only waits, see cpu_halt */
	uint8_t host_save[4096];
	struct td_regs regs; /* the guest's; RAX is in the VMCB while it runs */
	struct td_vcpu vcpu;
	struct cpu_timer timer;
	struct cpu_park park;
	uint8_t stack[CPU_SIZE - 3 * 4096 - sizeof(struct td_regs) - sizeof(struct td_vcpu) -
	              sizeof(struct cpu_park) - sizeof(uint64_t) * 2];
};
_Static_assert(sizeof(struct cpu) == CPU_SIZE, "struct cpu");
/* boot/start.S saves the registers by these offsets. */
_Static_assert(offsetof(struct td_regs, rbx) == 8 && offsetof(struct td_regs, rbp) == 48 &&
                       offsetof(struct td_regs, r15) == 112,
               "struct td_regs");

extern struct cpu cpus[TD_VCPUS_MAX];
extern struct td the_td;

static inline struct cpu *cpu_self(void)
{
	uint64_t sp;

	__asm__("mov %%rsp, %0" : "=r"(sp));
	return (struct cpu *)((sp - 1) & ~(uint64_t)(CPU_SIZE - 1));
}

/* svm/setup.c: the tables all CPUs share, then this CPU's control blocks in the TD's
 * entry state. */
void svm_share(const struct tdxemu_config *config);
void svm_setup_cpu(struct cpu *c, uint64_t hob);

/* svm/entry.c: the registers with which a TD's vCPU starts, those of `c` zero; `hob` is where the
 * HOB is. */
void cpu_entry_state(const struct td *td, struct cpu *c, uint64_t hob);

/*
 * svm/npt.c: the nested page tables. npt_build lets both aliases reach all but the module and the
 * xAPIC, each address at its own place; npt_map_firmware puts the firmware's RAM copy (2 MiB
 * aligned) at 4 GiB - size. With TDXEMU_FLAG_PAGES, instead of that, npt_start_pages takes
 * everything of the TD away that the_td.pages does not say is accepted or shared, with
 * TDXEMU_FLAG_VE also devices, which then give #VE; its tables come
 * from [room, end), which is zero, and npt_remap follows the states from then on.
 */
void npt_build(const struct tdxemu_config *config);
void npt_map_firmware(uint64_t copy, uint64_t size);
void npt_start_pages(uint64_t room, uint64_t end);
void npt_remap(uint64_t gpa, uint64_t size);
uint64_t npt_root(void);

/* svm/run.c: runs the guest for ever. */
void cpu_run(struct cpu *c) __attribute__((noreturn));
/* With error code 0, or without one; the second form with one. */
void cpu_inject(struct cpu *c, unsigned vector, int has_error);
/* Injects #VE with this for TDG.VP.VEINFO.GET, or #DF while the guest has not fetched the last. */
void cpu_inject_ve(struct cpu *c, struct td_ve ve);
/* Around whatever belongs to all of the TD's CPUs. */
void cpu_lock(void);
void cpu_unlock(void);
/* Every CPU forgets its translations before it next enters the guest. */
void cpu_flush_all(void);

/* svm/fault.c: a nested page fault. */
void cpu_nested_fault(struct cpu *c);
/*
 * Whether the page's state lets an instruction that the module carries out reach it; if not, what
 * the nested page fault would have done is done: #VE, or the guest tries again.
 */
bool cpu_reaches(struct cpu *c, uint64_t gpa, uint64_t linear, bool write);

void cpu_inject_error(struct cpu *c, unsigned vector, uint32_t error);
/* #VE of an instruction, with its VMX exit reason. */
void cpu_inject_exit(struct cpu *c, uint64_t reason, uint64_t qualification, uint64_t length);
/* Past an instruction that the module carried out; #DB after it if the guest single-steps. */
void cpu_advance(struct cpu *c, unsigned length);
void cpu_tdcall(struct cpu *c, unsigned length);

/* svm/emulate.c: #UD and #GP in the guest. */
void on_undefined(struct cpu *c);
void on_general_protection(struct cpu *c);

/* svm/softint.c: INT3, INTO and INT n, by which a breakpoint that is no more is told. */
void on_software_interrupt(struct cpu *c);

/* svm/control.c: MOV to CR0 and CR4, LMSW; VMEXIT_INVALID. */
void on_cr_write(struct cpu *c, unsigned number);
void on_invalid(struct cpu *c);
struct td_cpu_state cpu_state(const struct cpu *c);

/* Waits for an interrupt (blocked: only for an NMI) without taking it. */
void cpu_halt(struct cpu *c, bool blocked);

/* svm/memory.c */
void memory_init(const struct tdxemu_config *config);
void memory_set_firmware(uint64_t copy, uint64_t size);
/* Guest memory by guest-physical address, with or without shared bit; NULL when it is not the TD's
 * RAM or firmware. */
void *memory_guest(uint64_t gpa, uint64_t size);
bool memory_owns(uint64_t gpa, uint64_t size);
/* Whether the module's own memory is touched. */
bool memory_is_module(uint64_t pa, uint64_t size);
/* Guest-linear to guest-physical by the guest's own page tables; 0 on success. memory_walk tells
 * also what they allow: TD_ACCESS_USER, _WRITABLE, _NO_EXECUTE. */
int memory_translate(const struct vmcb *v, uint64_t va, uint64_t *ret);
int memory_walk(const struct vmcb *v, uint64_t va, uint64_t *ret, unsigned *ret_rights);
/* Copies up to `size` bytes of code at the guest's RIP through its page tables; how many. */
unsigned memory_fetch(const struct cpu *c, uint8_t *out, unsigned size);

/* svm/msr.c: the guest's MSRs, EFER and x2APIC included. */
uint64_t msr_read(uint32_t index);
void msr_write(uint32_t index, uint64_t value);

/* svm/timer.c: the local APIC's timer, registers 0x838, 0x839 and 0x83e of the x2APIC. */
uint32_t timer_read(const struct cpu *c, uint32_t index);
void timer_write(struct cpu *c, uint32_t index, uint32_t value);

/*
 * svm/park.c. The module waits until `go` is set, and whoever sets it calls park_wake_all().
 * A parked CPU's exit VMEXIT_INTR is the end of its slice; park_end() gives it its local APIC, as after INIT.
 */
#define PARK_VECTOR 0x20u
void park_wait(volatile uint32_t *go);
void park_wake_all(void);
void park_begin(struct cpu *c);
void park_end(struct cpu *c);
void park_slice_over(struct cpu *c);

/* svm/tsc.c: kHz of the time-stamp counter, measured in about 20 ms; 0 when that failed. */
uint32_t tsc_khz(void);

/* svm/port.c: core/'s way to this machine. */
extern const struct td_port svm_port;

/* boot/start.S: VMRUN with the guest's registers loaded; returns after #VMEXIT. */
void vmrun(struct vmcb *vmcb, struct td_regs *regs);
void vmrun_halt(struct vmcb *vmcb, bool blocked);
extern uint8_t halt_code[];
