/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/tdreport.h"
#include "format/tdxemu.h"
#include "tdxemu/core/pages.h"

/*
 * The rules of a trust domain, without any hardware: what TDCALL answers, what CPUID and MSRs show.
 * Everything that touches a machine goes through struct td_port, so this room is also built as a
 * normal program for tests and fuzzing. Sources: Intel TDX Module ABI specification (leaf tables),
 * GHCI specification (TDG.VP.VMCALL sub-functions).
 */
#define TD_GPAW      48
#define TD_SHARED    (1ull << (TD_GPAW - 1)) /* the GPA bit that selects the shared alias */
#define TD_VCPUS_MAX 64

/* The guest's general registers at a TDCALL. RSP and RIP are not part of the interface. */
struct td_regs {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
};

/* One virtualisation exception, until the guest fetches it with TDG.VP.VEINFO.GET. */
struct td_ve {
	bool valid;
	uint64_t reason; /* VMX exit reason */
	uint64_t qualification;
	uint64_t length;   /* of the instruction, bytes; bits 63:32 VMX's instruction information */
	uint64_t gla, gpa; /* linear and physical address; 0 where the reason has none */
};

/*
 * TD_CTLS: no #VE for pending pages; CPUID leaves 0xb and 0x1f show the virtual topology; REDUCE_VE:
 * and some other leaves are answered without #VE. VIRT_CPUID2 and LOCK stay 0.
 */
#define TD_CTLS_PENDING_VE_DISABLE 1ull
#define TD_CTLS_ENUM_TOPOLOGY      2ull
#define TD_CTLS_REDUCE_VE          8ull
#define TD_CTLS_NOT_OFFERED        (4ull | 1ull << 63)

/* CONFIG_FLAGS as KVM makes its TDs: NO_RBP_MOD, and 48 bits of address. */
#define TD_CONFIG_FLAGS 4ull

/* The clock that a TD's APIC timer counts and TSC_FREQUENCY is given in. */
#define TD_CRYSTAL_HZ 25000000ull

/* Privilege levels at which the guest wants #VE for CPUID: TDG.VP.CPUIDVE.SET. */
#define TD_CPUIDVE_SUPERVISOR 1u
#define TD_CPUIDVE_USER       2u

#define TD_CPUID_CONTROLS 128
#define TD_VMS            4 /* the TD itself and three L2 VMs, which it never has here */

/* MSRs of a processor with TDX that TCG lacks. */
struct td_msrs {
	uint64_t spec_ctrl, ds_area, debugctl, uarch_misc;
};

struct td_vcpu {
	uint32_t index;
	struct td_msrs msr;
	uint8_t cpuid_supervisor_ve, cpuid_user_ve; /* not 0: for all leaves */
	uint8_t cpuid_control[TD_CPUID_CONTROLS];   /* TD_CPUIDVE_*, by the module's index */
	uint64_t l2_ctls[TD_VMS], not_tsc_deadline[TD_VMS]; /* kept for the guest, no effect */
	bool halt;         /* out: the guest asked to halt until the next interrupt */
	bool halt_blocked; /* out: and told that interrupts are blocked: only an NMI counts */
	struct td_ve ve;
	struct td_ve due; /* out: to be injected, and RIP stays where it is */
};

/*
 * The machine below. `guest` gives a pointer to `size` bytes of guest memory at a guest-physical
 * address, which alias by its shared bit, or NULL when any of them is not the TD's own, or when it
 * would be that; `owns` says whether they are, of an address without the bit. `remap` is told that
 * the states of a page or a 2 MiB block in td->pages are others. The I/O calls reach the virtual
 * machine that QEMU made: it is the VMM's part of a TDG.VP.VMCALL. MMIO calls return false when the
 * address is RAM, the module's or the TD's. MSRs are the CPU's own, but EFER is the guest's.
 */
struct td_port {
	void *(*guest)(uint64_t gpa, uint64_t size);
	bool (*owns)(uint64_t gpa, uint64_t size);
	void (*remap)(uint64_t gpa, uint64_t size);
	bool (*interrupt_pending)(void); /* for this vCPU */
	void (*interrupt)(uint32_t vcpu, uint8_t vector);
	uint32_t (*port_in)(uint16_t port, unsigned size);
	void (*port_out)(uint16_t port, unsigned size, uint32_t value);
	bool (*mmio_read)(uint64_t gpa, unsigned size, uint64_t *ret);
	bool (*mmio_write)(uint64_t gpa, unsigned size, uint64_t value);
	uint64_t (*msr_read)(uint32_t index);
	void (*msr_write)(uint32_t index, uint64_t value);
	void (*cpuid)(uint32_t leaf, uint32_t subleaf, uint32_t ret[4]); /* the CPU's own */
	void (*ring)(void);                                              /* the doorbell */
	void (*stop)(const char *reason) __attribute__((noreturn));
	void (*log)(const char *text, uint64_t value);
};

struct td {
	const struct td_port *port;
	struct tdxemu_mailbox *mailbox;
	struct td_info info; /* attributes, XFAM, MRTD, RTMRs ...: as they go into a TDREPORT */
	uint64_t td_ctls;    /* TD_CTLS_* */
	uint64_t notify_enables;
	struct td_pages pages; /* td_init leaves them unenforced */
	uint64_t conversions;  /* that nobody asked the VMM for */
	uint8_t uuid[32];
	uint8_t event_vector; /* to tell of a finished quote, on vCPU event_vcpu; 0: not wanted */
	uint32_t event_vcpu;
	uint64_t event_told; /* the last request in the mailbox that was told of */
	uint32_t vcpus;
	uint32_t flags;   /* TDXEMU_FLAG_* */
	uint32_t tsc_khz; /* of the time-stamp counter; 0: not known */
	uint8_t mac_key[32];
};

/* Takes everything but MRTD from the configuration. */
void td_init(struct td *td, const struct tdxemu_config *config, const struct td_port *port,
             struct tdxemu_mailbox *mailbox);

/* Answers one TDCALL: RAX is the leaf on entry and the status on return. */
void td_call(struct td *td, struct td_vcpu *vcpu, struct td_regs *regs);

/* TDG.VP.VMCALL (leaf 0): the registers as the guest passed them. */
void td_vmcall(struct td *td, struct td_vcpu *vcpu, struct td_regs *regs);

/* What becomes of an instruction that the module answers: done, or #GP(0) or #VE. */
enum td_answer { TD_ANSWER_DONE, TD_ANSWER_GP, TD_ANSWER_VE };

/* A CPU's mode, as the module's answers depend on it. */
struct td_cpu_state {
	uint64_t cr0, cr4, efer;
	uint32_t index; /* of the vCPU */
	uint8_t cpl;
	bool code64; /* in 64-bit code, not in compatibility mode */
};

/* MOV to CR0 and CR4: on TD_ANSWER_DONE the state is the new one, EFER.LMA included. */
enum td_answer td_cr0_write(struct td_cpu_state *s, uint64_t value);
enum td_answer td_cr4_write(const struct td *td, struct td_cpu_state *s, uint64_t value);

/* What CPUID shows in the TD, or TD_ANSWER_VE. ret: EAX, EBX, ECX, EDX. */
enum td_answer td_cpuid(const struct td *td, const struct td_vcpu *vcpu,
                        const struct td_cpu_state *s, uint32_t leaf, uint32_t subleaf,
                        uint32_t ret[4]);
/* Whether the module's table has a row of a leaf and subleaf; TD_CPUID_NO_SUBLEAF: for all of them. */
#define TD_CPUID_NO_SUBLEAF 0xffffffffu
bool td_cpuid_has_row(uint32_t leaf, uint32_t subleaf);
/* TDG.VP.VMCALL<CPUID>: the VMM's answer. */
void td_cpuid_by_vmcall(const struct td *td, uint32_t leaf, uint32_t subleaf, uint32_t ret[4]);
/* CPUID 0x15: the TSC's frequency is td_crystal_hz * td_tsc_ratio. */
uint32_t td_tsc_ratio(const struct td *td);
uint32_t td_crystal_hz(const struct td *td);

/*
 * MSRs. The module has to see only those accesses that td_msr_wanted() names; the others the CPU
 * does by itself as the module would.
 */
bool td_msr_wanted(uint32_t index, bool write);
enum td_answer td_msr_read(const struct td *td, const struct td_vcpu *vcpu, uint32_t index,
                           uint64_t *ret);
enum td_answer td_msr_write(const struct td *td, struct td_vcpu *vcpu, uint32_t index,
                            uint64_t value);
/* TDG.VP.VMCALL<RDMSR/WRMSR>: what the VMM offers; false when it does not. */
bool td_msr_read_by_vmcall(const struct td *td, uint64_t index, uint64_t *ret);
bool td_msr_write_by_vmcall(const struct td *td, uint64_t index, uint64_t value);

/*
 * Metadata fields: status; *ret_value and *ret_old are 0 and *ret_next ~0 on failure. `next` is the
 * next element that a guest may read, ~0 after the last.
 */
#define TD_FIELD_CONTEXT (7ull << 52) /* the bits of an ID that nobody looks at */
enum td_context { TD_CONTEXT_SYS, TD_CONTEXT_TD, TD_CONTEXT_VCPU };
uint64_t td_field_first(enum td_context context);
uint64_t td_field_read(const struct td *td, const struct td_vcpu *vcpu, enum td_context context,
                       uint64_t id, uint64_t *ret_value, uint64_t *ret_next);
uint64_t td_field_write(struct td *td, struct td_vcpu *vcpu, enum td_context context, uint64_t id,
                        uint64_t value, uint64_t mask, uint64_t *ret_old);
/* TDG.SYS.RDALL: all fields from `id` on as a metadata list; ~0 begins with the first. */
uint64_t td_sys_dump(uint64_t id, uint64_t page[512]);

/*
 * The guest touched what its nested page tables do not let it: true when the VMM has seen to it and
 * the access is to be tried again, false when vcpu->due has a #VE. gpa is with its shared bit; gla
 * is 0 when it is not known. Only where td->pages are enforced.
 */
enum td_access { /* as in VMX's exit qualification, SDM volume 3, table 28-7 */
	         TD_ACCESS_READ = 1,
	         TD_ACCESS_WRITE = 2,
	         TD_ACCESS_FETCH = 4,
	         /* where gla is known: of its own translation, not of a page table's */
	         TD_ACCESS_FINAL = 1 << 8,
	         TD_ACCESS_USER = 1 << 9, /* and what the guest's page tables allow there */
	         TD_ACCESS_WRITABLE = 1 << 10,
	         TD_ACCESS_NO_EXECUTE = 1 << 11,
};
bool td_ept_violation(struct td *td, struct td_vcpu *vcpu, uint64_t gpa, enum td_access access,
                      uint64_t gla);

/* As TDH.MEM.PAGE.ADD: private memory that the guest finds accepted. */
void td_page_add(struct td *td, uint64_t gpa, uint64_t size);

/* Tells the guest of a finished quote, if it asked to be told; whether one is still awaited. */
bool td_event_poll(struct td *td);

/* Makes the TDREPORT of this moment: identity, registers, hashes and MAC. */
void td_report(const struct td *td, const uint8_t report_data[TDREPORT_DATA_SIZE],
               struct tdreport *ret);

/* Status codes: class in bits 63:32, the operand's number below. */
#define TDX_SUCCESS                        0x0000000000000000ull
#define TDX_OPERAND_INVALID                0xc000010000000000ull
#define TDX_NO_VE_INFO                     0xc000070400000000ull
#define TDX_METADATA_FIELD_ID_INCORRECT    0xc0000c0000000000ull
#define TDX_METADATA_FIELD_NOT_WRITABLE    0xc0000c0100000000ull
#define TDX_METADATA_FIELD_NOT_READABLE    0xc0000c0200000000ull
#define TDX_METADATA_FIELD_VALUE_NOT_VALID 0xc0000c0300000000ull
#define TDX_METADATA_FIRST_FIELD           0x00000c0b00000000ull
#define TDX_PAGE_ALREADY_ACCEPTED          0x00000b0a00000000ull /* and the level */
#define TDX_PAGE_SIZE_MISMATCH             0xc0000b0b00000000ull /* and the level */
#define TDX_INVALID_CPUSVN                 0xc000100000000000ull
#define TDX_INVALID_REPORTMACSTRUCT        0xc000100100000000ull
enum { TDX_OPERAND_RAX = 0, TDX_OPERAND_RCX = 1, TDX_OPERAND_RDX = 2, TDX_OPERAND_R8 = 8 };

#define TDVMCALL_SUCCESS     0x0000000000000000ull
#define TDVMCALL_RETRY       0x0000000000000001ull
#define TDVMCALL_INVALID     0x8000000000000000ull
#define TDVMCALL_ALIGN_ERROR 0x8000000000000002ull
#define TDVMCALL_UNSUPPORTED 0x8000000000000003ull
