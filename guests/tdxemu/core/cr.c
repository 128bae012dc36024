/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MOV to CR0 and CR4 by a TD. Intel TDX module 1.5, handling of CR accesses and the guest/host
 * masks of a TD's VMCS: bits that the module owns give #VE when they change, what the processor or
 * the TD's XFAM and ATTRIBUTES forbid gives #GP(0), and that is looked at first. The processor's
 * own rules: Intel SDM volume 3, 2.5 and 4.1.
 */
#include "tdxemu/core/td.h"

#define CR0_PE (1ull << 0)
#define CR0_NE (1ull << 5)
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)
/* PE, MP, EM, TS, ET, NE, WP, AM, NW, CD, PG; of the lower half nothing else can be written. */
#define CR0_WRITABLE 0xe005002full

#define CR4_PAE  (1ull << 5)
#define CR4_MCE  (1ull << 6)
#define CR4_VMXE (1ull << 13)
#define CR4_SMXE (1ull << 14)
#define CR4_OURS (CR4_MCE | CR4_VMXE | CR4_SMXE)
/* VME, PVI, TSD, DE, PSE, PAE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT: each processor with TDX has
 * them; so are VMXE and SMXE legal, though not for a TD. */
#define CR4_ALWAYS 0x67ffull

#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)

/* A bit of CR4 that exists where CPUID shows its feature. */
struct feature {
	uint32_t leaf;
	uint8_t word; /* 0 EAX ... 3 EDX */
	uint8_t bit, cr4;
};

static const struct feature features[] = {
        {7, 2, 2, 11},  /* UMIP */
        {7, 2, 16, 12}, /* LA57 */
        {7, 1, 0, 16},  /* FSGSBASE */
        {1, 2, 17, 17}, /* PCIDE */
        {1, 2, 26, 18}, /* OSXSAVE */
        {7, 2, 23, 19}, /* KL */
        {7, 1, 7, 20},  /* SMEP */
        {7, 1, 20, 21}, /* SMAP */
        {7, 2, 3, 22},  /* PKE */
        {7, 2, 7, 23},  /* CET */
        {7, 2, 31, 24}, /* PKS */
        {7, 3, 5, 25},  /* UINTR */
};

static uint64_t cr4_legal(const struct td *td)
{
	static const struct td_vcpu none;
	const struct td_cpu_state state = {0};
	uint64_t legal = CR4_ALWAYS;
	uint32_t one[4], seven[4];

	td_cpuid(td, &none, &state, 1, 0, one);
	td_cpuid(td, &none, &state, 7, 0, seven);
	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++) {
		const struct feature *f = &features[i];

		if ((f->leaf == 1 ? one : seven)[f->word] >> f->bit & 1)
			legal |= 1ull << f->cr4;
	}
	return legal;
}

/* What the processor says of paging and long mode; LMA follows PG. */
static enum td_answer change_paging(struct td_cpu_state *s, uint64_t value)
{
	if (value & CR0_PG && s->efer & EFER_LME) {
		if (!(s->cr4 & CR4_PAE) || s->code64)
			return TD_ANSWER_GP;
		s->efer |= EFER_LMA;
	} else if (!(value & CR0_PG)) {
		if (s->code64)
			return TD_ANSWER_GP;
		s->efer &= ~EFER_LMA;
	}
	return TD_ANSWER_DONE;
}

enum td_answer td_cr0_write(struct td_cpu_state *s, uint64_t value)
{
	if (!(value & CR0_NE) || value >> 32 || (value & CR0_PG && !(value & CR0_PE)))
		return TD_ANSWER_GP;
	if (!(value & CR0_PE) || value & (CR0_NW | CR0_CD))
		return TD_ANSWER_VE;
	if ((value ^ s->cr0) & CR0_PG && change_paging(s, value) != TD_ANSWER_DONE)
		return TD_ANSWER_GP;
	s->cr0 = (s->cr0 & ~CR0_WRITABLE) | (value & CR0_WRITABLE);
	return TD_ANSWER_DONE;
}

enum td_answer td_cr4_write(const struct td *td, struct td_cpu_state *s, uint64_t value)
{
	if (value & ~cr4_legal(td))
		return TD_ANSWER_GP;
	if ((value ^ s->cr4) & CR4_OURS)
		return TD_ANSWER_VE;
	if (s->efer & EFER_LMA && !(value & CR4_PAE))
		return TD_ANSWER_GP;
	s->cr4 = value;
	return TD_ANSWER_DONE;
}
