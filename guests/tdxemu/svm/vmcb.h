/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * AMD's virtual machine control block. AMD64 Architecture Programmer's Manual, volume 2, appendix
 * B, tables B-1 and B-2. 4 KiB, little-endian; the members used here, the rest is padding.
 */
struct vmcb_segment {
	uint16_t selector;
	uint16_t attributes; /* descriptor bits 55:52 and 47:40 */
	uint32_t limit;
	uint64_t base;
};

struct vmcb {
	/* control area */
	uint16_t cr_read_intercepts, cr_write_intercepts;
	uint16_t dr_read_intercepts, dr_write_intercepts;
	uint32_t exception_intercepts;
	uint32_t intercepts1; /* INTERCEPT1_* */
	uint32_t intercepts2; /* INTERCEPT2_* */
	uint8_t pad1[0x40 - 0x14];
	uint64_t iopm, msrpm; /* physical addresses */
	uint64_t tsc_offset;
	uint32_t asid;
	uint8_t tlb_control;
	uint8_t pad2[3];
	uint32_t int_control; /* V_TPR, V_IRQ ...; bit 24 is V_INTR_MASKING */
	uint8_t pad3[4];
	uint64_t int_shadow;
	uint64_t exit_code;
	uint64_t exit_info1, exit_info2;
	uint64_t exit_int_info; /* an event whose delivery the exit interrupted */
	uint64_t nested_paging;
	uint8_t pad4[0xa8 - 0x98];
	uint64_t event_inject;
	uint64_t nested_cr3;
	uint8_t pad5[0x400 - 0xb8];
	/* state save area */
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t pad6[0x4cb - 0x4a0];
	uint8_t cpl;
	uint8_t pad7[4];
	uint64_t efer;
	uint8_t pad8[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
	uint8_t pad9[0x5d8 - 0x580];
	uint64_t rsp;
	uint8_t pad10[0x5f8 - 0x5e0];
	uint64_t rax;
	uint8_t pad11[0x618 - 0x600];
	uint64_t fmask;
	uint8_t pad14[0x640 - 0x620];
	uint64_t cr2;
	uint8_t pad12[0x668 - 0x648];
	uint64_t pat;
	uint8_t pad13[0x1000 - 0x670];
};
_Static_assert(sizeof(struct vmcb) == 4096, "VMCB");
_Static_assert(offsetof(struct vmcb, intercepts1) == 0x00c, "VMCB intercepts");
_Static_assert(offsetof(struct vmcb, iopm) == 0x040, "VMCB IOPM_BASE_PA");
_Static_assert(offsetof(struct vmcb, asid) == 0x058, "VMCB ASID");
_Static_assert(offsetof(struct vmcb, int_control) == 0x060, "VMCB V_TPR");
_Static_assert(offsetof(struct vmcb, int_shadow) == 0x068, "VMCB INTERRUPT_SHADOW");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x070, "VMCB EXITCODE");
_Static_assert(offsetof(struct vmcb, exit_int_info) == 0x088, "VMCB EXITINTINFO");
_Static_assert(offsetof(struct vmcb, nested_paging) == 0x090, "VMCB NP_ENABLE");
_Static_assert(offsetof(struct vmcb, event_inject) == 0x0a8, "VMCB EVENTINJ");
_Static_assert(offsetof(struct vmcb, nested_cr3) == 0x0b0, "VMCB N_CR3");
_Static_assert(offsetof(struct vmcb, es) == 0x400, "VMCB ES");
_Static_assert(offsetof(struct vmcb, gdtr) == 0x460, "VMCB GDTR");
_Static_assert(offsetof(struct vmcb, tr) == 0x490, "VMCB TR");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "VMCB CPL");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "VMCB EFER");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "VMCB CR4");
_Static_assert(offsetof(struct vmcb, cr0) == 0x558, "VMCB CR0");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "VMCB RIP");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "VMCB RSP");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "VMCB RAX");
_Static_assert(offsetof(struct vmcb, fmask) == 0x618, "VMCB SFMASK");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "VMCB CR2");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "VMCB G_PAT");

#define CR_WRITE_CR4        (1u << 4)
#define EXCEPTION_UD        (1u << 6)
#define EXCEPTION_GP        (1u << 13)
#define INTERCEPT1_INTR     (1u << 0)
#define INTERCEPT1_NMI      (1u << 1)
#define INTERCEPT1_INIT     (1u << 3)
#define INTERCEPT1_CR0      (1u << 5) /* writes that change more than TS and MP */
#define INTERCEPT1_RDPMC    (1u << 15)
#define INTERCEPT1_CPUID    (1u << 18)
#define INTERCEPT1_SWINT    (1u << 21)
#define INTERCEPT1_INVD     (1u << 22)
#define INTERCEPT1_HLT      (1u << 24)
#define INTERCEPT1_INVLPGA  (1u << 26)
#define INTERCEPT1_IOIO     (1u << 27)
#define INTERCEPT1_MSR      (1u << 28)
#define INTERCEPT1_SHUTDOWN (1u << 31)
#define INTERCEPT2_SVM      0x7fu /* VMRUN, VMMCALL, VMLOAD, VMSAVE, STGI, CLGI, SKINIT */
#define INTERCEPT2_WBINVD   (1u << 9)
#define INTERCEPT2_MONITOR  (1u << 10)
#define INTERCEPT2_MWAIT    (3u << 11) /* also the conditional form */
#define INT_CONTROL_MASKING (1u << 24)

enum vmexit { /* appendix C, table C-1 */
	      VMEXIT_WRITE_CR4 = 0x14,
	      VMEXIT_EXCEPTION_UD = 0x46,
	      VMEXIT_EXCEPTION_GP = 0x4d,
	      VMEXIT_INTR = 0x60,
	      VMEXIT_NMI = 0x61,
	      VMEXIT_INIT = 0x63,
	      VMEXIT_CR0_SELECTIVE = 0x65,
	      VMEXIT_RDPMC = 0x6f,
	      VMEXIT_CPUID = 0x72,
	      VMEXIT_SWINT = 0x75,
	      VMEXIT_INVD = 0x76,
	      VMEXIT_HLT = 0x78,
	      VMEXIT_INVLPGA = 0x7a,
	      VMEXIT_IOIO = 0x7b,
	      VMEXIT_MSR = 0x7c,
	      VMEXIT_SHUTDOWN = 0x7f,
	      VMEXIT_VMRUN = 0x80,
	      VMEXIT_SKINIT = 0x86,
	      VMEXIT_WBINVD = 0x89,
	      VMEXIT_MONITOR = 0x8a,
	      VMEXIT_MWAIT = 0x8b,
	      VMEXIT_MWAIT_ARMED = 0x8c,
	      VMEXIT_NPF = 0x400,
	      VMEXIT_INVALID = 0xffffffff, /* its lower half */
};

#define EVENT_VALID     (1ull << 31)
#define EVENT_ERROR     (1ull << 11)
#define EVENT_EXCEPTION (3ull << 8)
#define EVENT_SOFTWARE  (4ull << 8)
#define EVENT_TYPE      (7ull << 8)
#define TLB_FLUSH_ALL   1u

#define VECTOR_DB 1
#define VECTOR_BP 3
#define VECTOR_OF 4
#define VECTOR_UD 6
#define VECTOR_DF 8
#define VECTOR_GP 13
#define VECTOR_PF 14
#define VECTOR_VE 20

#define EFER_SCE  (1ull << 0)
#define EFER_LME  (1ull << 8)
#define EFER_LMA  (1ull << 10)
#define EFER_NXE  (1ull << 11)
#define EFER_SVME (1ull << 12)

#define CR0_PE 1ull
#define CR0_NE (1ull << 5)
#define CR0_PG (1ull << 31)
#define CR4_PAGING (1ull << 4 | 1ull << 7 | 1ull << 20 | 1ull << 21) /* PSE, PGE, SMEP, SMAP */

#define RFLAGS_TF (1ull << 8)
#define RFLAGS_RF (1ull << 16)
#define DR6_BS    (1ull << 14)

/* Exits of instructions that no TD has: SVM's own. */
static inline int vmexit_is_missing(uint64_t code)
{
	return code == VMEXIT_INVLPGA || (code >= VMEXIT_VMRUN && code <= VMEXIT_SKINIT);
}
