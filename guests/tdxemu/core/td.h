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

struct td_vcpu {
	uint32_t index;
	bool halt;         /* out: the guest asked to halt until the next interrupt */
	bool halt_blocked; /* out: and told that interrupts are blocked */
	struct td_ve ve;
};

/*
 * The machine below. `guest` gives a pointer to `size` bytes of guest memory at a guest-physical
 * address without its shared bit, or NULL when any of them is not the TD's own; `owns` says that
 * alone, also of address 0, which `guest` never gives out. The I/O calls reach the virtual machine
 * that QEMU made: it is the VMM's part of a TDG.VP.VMCALL. MSR calls return false to refuse.
 */
struct td_port {
	void *(*guest)(uint64_t gpa, uint64_t size);
	bool (*owns)(uint64_t gpa, uint64_t size);
	uint32_t (*port_in)(uint16_t port, unsigned size);
	void (*port_out)(uint16_t port, unsigned size, uint32_t value);
	uint64_t (*mmio_read)(uint64_t gpa, unsigned size);
	void (*mmio_write)(uint64_t gpa, unsigned size, uint64_t value);
	bool (*msr_read)(uint32_t index, uint64_t *ret);
	bool (*msr_write)(uint32_t index, uint64_t value);
	void (*cpuid)(uint32_t leaf, uint32_t subleaf, uint32_t ret[4]); /* the CPU's own */
	void (*ring)(void);                                              /* the doorbell */
	void (*stop)(const char *reason) __attribute__((noreturn));
	void (*log)(const char *text, uint64_t value);
};

struct td {
	const struct td_port *port;
	struct tdxemu_mailbox *mailbox;
	struct td_info info; /* attributes, XFAM, MRTD, RTMRs ...: as they go into a TDREPORT */
	uint64_t td_ctls;
	uint32_t vcpus;
	uint32_t flags; /* TDXEMU_FLAG_* */
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

/* Makes the TDREPORT of this moment: identity, registers, hashes and MAC. */
void td_report(const struct td *td, const uint8_t report_data[TDREPORT_DATA_SIZE],
               struct tdreport *ret);

/* Status codes: class in bits 63:32, the operand's number below. */
#define TDX_SUCCESS               0x0000000000000000ull
#define TDX_OPERAND_INVALID       0xc000010000000000ull
#define TDX_OPERAND_BUSY          0x8000020000000000ull
#define TDX_NO_VE_INFO            0xc000070400000000ull
#define TDX_METADATA_INCORRECT    0xc000c00000000000ull
#define TDX_METADATA_NOT_WRITABLE 0xc000c00200000000ull
enum { TDX_OPERAND_RAX = 0, TDX_OPERAND_RCX = 1, TDX_OPERAND_RDX = 2, TDX_OPERAND_R8 = 8 };

#define TDVMCALL_SUCCESS     0x0000000000000000ull
#define TDVMCALL_RETRY       0x0000000000000001ull
#define TDVMCALL_INVALID     0x8000000000000000ull
#define TDVMCALL_ALIGN_ERROR 0x8000000000000002ull
#define TDVMCALL_UNSUPPORTED 0x8000000000000003ull

#endif
