/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/core/td.h"

#include <string.h>

#include "format/tdx.h"

/* Bits are given as the ABI specification's CPUID virtualisation tables do. */
#define BIT(n) (1u << (n))

#define LEAF1_ECX_VMX        BIT(5)
#define LEAF1_ECX_CX16       BIT(13) /* QEMU 7.2 corrupts RFLAGS in it */
#define LEAF1_ECX_X2APIC     BIT(21)
#define LEAF1_ECX_HYPERVISOR BIT(31)
#define LEAF7_ECX_PKU        (BIT(3) | BIT(4))
#define LEAF7_ECX_LA57       BIT(16)
#define LEAF7_EBX_TSX_MPX    (BIT(4) | BIT(11) | BIT(14))
#define EXT1_ECX_SVM         BIT(2)
#define EXT1_ECX_AMD         (BIT(2) | BIT(4) | BIT(6) | BIT(7) | BIT(11) | BIT(16))
#define EXT1_EDX_AMD         (BIT(22) | BIT(25) | BIT(30) | BIT(31))

static void set(uint32_t r[4], uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	r[0] = eax;
	r[1] = ebx;
	r[2] = ecx;
	r[3] = edx;
}

static uint32_t text4(const char *s)
{
	uint32_t v;

	memcpy(&v, s, sizeof(v));
	return v;
}

static void features(const struct td *td, uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	switch (leaf) {
	case 0:
		r[0] = r[0] < TDX_CPUID_LEAF ? TDX_CPUID_LEAF : r[0];
		break;
	case 1:
		r[2] |= LEAF1_ECX_HYPERVISOR;
		r[2] &= ~(LEAF1_ECX_VMX | LEAF1_ECX_CX16);
		if (td->flags & TDXEMU_FLAG_VE)
			r[2] |= LEAF1_ECX_X2APIC;
		break;
	case 7:
		if (subleaf == 0) {
			r[1] &= ~LEAF7_EBX_TSX_MPX;
			r[2] &= ~(LEAF7_ECX_LA57 | LEAF7_ECX_PKU);
		}
		break;
	case 0xa: /* no PERFMON in ATTRIBUTES */
		set(r, 0, 0, 0, 0);
		break;
	case 0xd: /* what XFAM allows, and no more */
		if (subleaf == 0)
			set(r, (uint32_t)td->info.xfam, r[1], r[2],
			    (uint32_t)(td->info.xfam >> 32));
		else if (subleaf > 1 && (subleaf > 63 || !(td->info.xfam >> subleaf & 1)))
			set(r, 0, 0, 0, 0);
		break;
	case 0x80000000:
		set(r, 0x80000008, 0, 0, 0);
		break;
	case 0x80000001:
		r[0] = 0;
		r[2] &= ~EXT1_ECX_AMD;
		r[3] &= ~EXT1_EDX_AMD;
		break;
	default:
		break;
	}
}

void td_cpuid(const struct td *td, uint32_t leaf, uint32_t subleaf, uint32_t ret[4])
{
	uint32_t first[4];

	if (leaf == TDX_CPUID_LEAF) {
		if (subleaf == 0)
			set(ret, 0, text4("Inte"), text4("    "), text4("lTDX"));
		else
			set(ret, 0, 0, 0, 0);
		return;
	}
	/* Above its maximum QEMU repeats another leaf's values: topology code trips over them. */
	td->port->cpuid(0, 0, first);
	if ((leaf > first[0] && leaf < 0x40000000) || leaf > 0x80000008) {
		set(ret, 0, 0, 0, 0);
		return;
	}
	if (leaf == 0x40000000) { /* what a TD on KVM shows */
		set(ret, 0x40000001, text4("KVMK"), text4("VMKV"), text4("M\0\0"));
		return;
	}
	if (leaf > 0x40000000 && leaf < 0x50000000) {
		set(ret, 0, 0, 0, 0);
		return;
	}
	td->port->cpuid(leaf, subleaf, ret);
	features(td, leaf, subleaf, ret);
}
