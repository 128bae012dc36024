/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_FORMAT_LONGMODE_H
#define TCEPTION_FORMAT_LONGMODE_H

#include <linux/kvm.h>
#include <stdint.h>

/*
 * A KVM guest in long mode without firmware: what its memory and its segment and control registers hold
 * (Intel SDM volume 3, sections 3.4.5 and 4.5). It still needs CPUID and general registers.
 */
#define LONGMODE_TABLES_SIZE 0x3000u

/* At `at`, a page's start: page tables that map the first 2 MiB to themselves by one large page. */
static inline void longmode_map(uint8_t *memory, uint32_t at)
{
	*(uint64_t *)(memory + at) = (at + 0x1000) | 3; /* PML4: present, writable */
	*(uint64_t *)(memory + at + 0x1000) = (at + 0x2000) | 3;
	*(uint64_t *)(memory + at + 0x2000) = 0x83; /* and large */
}

/* 64-bit code and flat data, with the tables at `at`; the rest of `s` stays. */
static inline void longmode_set(struct kvm_sregs *s, uint32_t at)
{
	struct kvm_segment flat = {.limit = 0xffffffff,
	                           .selector = 16,
	                           .type = 3,
	                           .present = 1,
	                           .db = 1,
	                           .s = 1,
	                           .g = 1};

	s->ds = s->es = s->fs = s->gs = s->ss = flat;
	flat.selector = 8;
	flat.type = 11;
	flat.db = 0;
	flat.l = 1;
	s->cs = flat;
	s->cr0 = 0x80050033; /* PG, AM, WP, NE, ET, MP, PE */
	s->cr3 = at;
	s->cr4 = 0x20;   /* PAE */
	s->efer = 0x500; /* LME, LMA */
}

#endif
