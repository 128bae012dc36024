/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TDXEMU_CORE_TD_H
#define TDXEMU_CORE_TD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/tdreport.h"
#include "format/tdxemu.h"

/*
 * The rules of a trust domain, without any hardware: what TDCALL answers, what CPUID and MSRs show.
 * Everything that touches a machine goes through struct td_port, so this room is also built as a
 * normal program for tests and fuzzing. Sources: Intel TDX Module ABI specification (leaf tables),
 * GHCI specification (TDG.VP.VMCALL sub-functions).
 */
#define TD_GPAW      48
#define TD_SHARED    (1ull << (TD_GPAW - 1)) /* the GPA bit that selects the shared alias */
#define TD_VCPUS_MAX 8

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
	uint64_t length; /* of the instruction, bytes */
};

/*
 * TD_CTLS: CPUID leaves 0xb and 0x1f show the virtual topology. The other bits (PENDING_VE_DISABLE,
 * VIRT_CPUID2, REDUCE_VE) are not offered in FEATURES0.
 */
#define TD_CTLS_ENUM_TOPOLOGY 2ull

/* Privilege levels at which the guest wants #VE for CPUID: TDG.VP.CPUIDVE.SET. */
#define TD_CPUIDVE_SUPERVISOR 1u
#define TD_CPUIDVE_USER       2u

struct td_vcpu {
	uint32_t index;
	uint32_t cpuid_ve; /* TD_CPUIDVE_* */
	bool halt;         /* out: the guest asked to halt until the next interrupt */
	bool halt_blocked; /* out: and told that interrupts are blocked: only an NMI counts */
	struct td_ve ve;
};

/*
 * The machine below. `guest` gives a pointer to `size` bytes of guest memory at a guest-physical
 * address without its shared bit, or NULL when any of them is not the TD's own; `owns` says that
 * alone, also of address 0, which `guest` never gives out. The I/O calls reach the virtual machine
 * that QEMU made: it is the VMM's part of a TDG.VP.VMCALL. MMIO calls return false when the address
 * is RAM, the module's or the TD's. MSRs are the CPU's own, but EFER is the guest's.
 */
struct td_port {
	void *(*guest)(uint64_t gpa, uint64_t size);
	bool (*owns)(uint64_t gpa, uint64_t size);
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

/* What CPUID shows in the TD. ret: EAX, EBX, ECX, EDX. */
void td_cpuid(const struct td *td, uint32_t leaf, uint32_t subleaf, uint32_t ret[4]);

/* Whether CPUID of this leaf gives #VE, whatever TDG.VP.CPUIDVE.SET says. */
bool td_cpuid_gives_ve(const struct td *td, uint32_t leaf);

/*
 * MSRs. The module sees only the guest's accesses to those that td_msr_wanted() names; the others
 * are the CPU's.
 */
enum td_msr { TD_MSR_DONE, TD_MSR_GP, TD_MSR_VE };
bool td_msr_wanted(const struct td *td, uint32_t index);
enum td_msr td_msr_read(const struct td *td, uint32_t index, uint64_t *ret);
enum td_msr td_msr_write(const struct td *td, uint32_t index, uint64_t value);
/* TDG.VP.VMCALL<RDMSR/WRMSR>: what the VMM offers; false when it does not. */
bool td_msr_read_by_vmcall(const struct td *td, uint64_t index, uint64_t *ret);
bool td_msr_write_by_vmcall(const struct td *td, uint64_t index, uint64_t value);

/* TDG.VM.RD, TDG.VM.WR, TDG.SYS.RD: status; *ret_value (the old one, of a write) is always set. */
uint64_t td_field_read(const struct td *td, uint64_t field, uint64_t *ret_value);
uint64_t td_field_write(struct td *td, uint64_t field, uint64_t value, uint64_t mask,
                        uint64_t *ret_value);
uint64_t td_sys_read(uint64_t field, uint64_t *ret_value);

/* Makes the TDREPORT of this moment: identity, registers, hashes and MAC. */
void td_report(const struct td *td, const uint8_t report_data[TDREPORT_DATA_SIZE],
               struct tdreport *ret);

/* Status codes: class in bits 63:32, the operand's number below. */
#define TDX_SUCCESS                        0x0000000000000000ull
#define TDX_OPERAND_INVALID                0xc000010000000000ull
#define TDX_NO_VE_INFO                     0xc000070400000000ull
#define TDX_METADATA_FIELD_ID_INCORRECT    0xc0000c0000000000ull
#define TDX_METADATA_FIELD_NOT_WRITABLE    0xc0000c0100000000ull
#define TDX_METADATA_FIELD_VALUE_NOT_VALID 0xc0000c0300000000ull
enum { TDX_OPERAND_RAX = 0, TDX_OPERAND_RCX = 1, TDX_OPERAND_RDX = 2, TDX_OPERAND_R8 = 8 };

#define TDVMCALL_SUCCESS     0x0000000000000000ull
#define TDVMCALL_RETRY       0x0000000000000001ull
#define TDVMCALL_INVALID     0x8000000000000000ull
#define TDVMCALL_ALIGN_ERROR 0x8000000000000002ull
#define TDVMCALL_UNSUPPORTED 0x8000000000000003ull

#endif
