/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TDXEMU_SVM_CPU_H
#define TDXEMU_SVM_CPU_H

#include <stdint.h>

#include "tdxemu/core/td.h"
#include "tdxemu/svm/vmcb.h"

/*
 * One virtual CPU: its control blocks and, at the top of its 64 KiB, our stack on it. Aligned to
 * its size, so that the stack pointer says which CPU we are on (GS belongs to the guest).
 */
#define CPU_SIZE 0x10000u

struct cpu {
	struct vmcb vmcb;
	struct vmcb halt; /* a little guest that only waits, see cpu_halt */
	uint8_t host_save[4096];
	struct td_regs regs; /* the guest's; RAX is in the VMCB while it runs */
	struct td_vcpu vcpu;
	uint8_t stack[CPU_SIZE - 3 * 4096 - sizeof(struct td_regs) - sizeof(struct td_vcpu)];
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

/*
 * svm/npt.c: the nested page tables. npt_build lets both aliases reach all but the module and the
 * xAPIC, each address at its own place; npt_map_firmware puts the firmware's RAM copy (2 MiB
 * aligned) at 4 GiB - size. With TDXEMU_FLAG_PAGES, instead of that, npt_start_pages takes
 * everything of the TD away that the_td.pages does not say is accepted or shared; its tables come
 * from [room, end), which is zero, and npt_remap follows the states from then on.
 */
void npt_build(const struct tdxemu_config *config);
void npt_map_firmware(uint64_t copy, uint64_t size);
void npt_start_pages(uint64_t room, uint64_t end);
void npt_remap(uint64_t gpa, uint64_t size);
uint64_t npt_root(void);

/* svm/run.c: runs the guest for ever. */
void cpu_run(struct cpu *c) __attribute__((noreturn));
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
/* Guest-linear to guest-physical by the guest's own page tables; 0 on success. */
int memory_translate(const struct vmcb *v, uint64_t va, uint64_t *ret);
/* Copies up to `size` bytes of code at the guest's RIP through its page tables; how many. */
unsigned memory_fetch(const struct cpu *c, uint8_t *out, unsigned size);

/*
 * svm/decode.c: if the instruction at RIP is this one, whatever its prefixes, its length in bytes,
 * else 0. SVM under TCG tells neither bytes nor length.
 */
unsigned decode_tdcall(const struct cpu *c);
unsigned decode_cpuid(const struct cpu *c);
unsigned decode_msr(const struct cpu *c); /* RDMSR or WRMSR */
unsigned decode_hlt(const struct cpu *c);

/* svm/msr.c: the guest's MSRs, EFER and x2APIC included. */
uint64_t msr_read(uint32_t index);
void msr_write(uint32_t index, uint64_t value);

/* svm/tsc.c: kHz of the time-stamp counter, measured in about 20 ms; 0 when that failed. */
uint32_t tsc_khz(void);

/* svm/port.c: core/'s way to this machine. */
extern const struct td_port svm_port;

/* boot/start.S: VMRUN with the guest's registers loaded; returns after #VMEXIT. */
void vmrun(struct vmcb *vmcb, struct td_regs *regs);
void vmrun_halt(struct vmcb *vmcb, bool blocked);
extern uint8_t halt_code[];

#endif
