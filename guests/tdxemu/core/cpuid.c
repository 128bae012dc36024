/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/core/td.h"

#include <string.h>

#include "format/tdx.h"

/* Bits are given as the ABI specification's CPUID virtualisation tables do. */
#define BIT(n) (1u << (n))

#define MAX_LEAF      0x23u /* of a TDX module 1.5 */
#define MAX_EXTENDED  0x80000008u
#define HYPERVISOR    0x40000000u
#define HYPERVISOR_TO 0x400000ffu
#define CRYSTAL_HZ    1000000000u

/* Off: what a TD never has, and what needs ATTRIBUTES or XFAM bits that no TD has here. */
#define LEAF1_ECX_OFF                                                             \
	(BIT(3) | BIT(5) | BIT(6) | BIT(13)) /* MONITOR, VMX, SMX; CX16: QEMU 7.2 \
	                                        corrupts RFLAGS in it */
#define LEAF1_ECX_X2APIC     BIT(21)
#define LEAF1_ECX_HYPERVISOR BIT(31)
#define LEAF7_EBX_OFF                                                                \
	(BIT(1) | BIT(2) | BIT(4) | BIT(11) | BIT(14) | BIT(25)) /* TSC_ADJUST, SGX, \
	                                                            TSX, MPX, PT */
#define LEAF7_ECX_OFF (BIT(3) | BIT(4) | BIT(5) | BIT(7) | BIT(16) | BIT(23) | BIT(30) | BIT(31))
/* ... PKU, WAITPKG, CET_SS, LA57, KL, SGX_LC, PKS */
#define LEAF7_EDX_OFF (BIT(5) | BIT(19) | BIT(20) | BIT(22) | BIT(24) | BIT(25))
/* ... UINTR, LBR, CET_IBT, AMX */
#define LEAF7_EDX_ARCH_CAPABILITIES BIT(29)

/* Intel's part of AMD's leaf 0x80000001. */
#define EXT1_ECX_INTEL (BIT(0) | BIT(5) | BIT(8)) /* LAHF, ABM, PREFETCHW */
#define EXT1_EDX_INTEL                                                              \
	(BIT(11) | BIT(20) | BIT(26) | BIT(27) | BIT(29)) /* SYSCALL, NX, 1G pages, \
	                                                    RDTSCP, LM */

#define LEAF_80000007_EDX_INVARIANT_TSC BIT(8)

static const char brand[48] = "Emulated TD (tception tdxemu, not Intel TDX)";

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

/* The size of an XSAVE area with all of XFAM's states: where the last one ends. */
static uint32_t xsave_size(const struct td *td)
{
	uint32_t size = 576, r[4]; /* legacy region and header */

	for (uint32_t i = 2; i < 63; i++) {
		if (!(td->info.xfam >> i & 1))
			continue;
		td->port->cpuid(0xd, i, r);
		if (r[0] + r[1] > size)
			size = r[0] + r[1];
	}
	return size;
}

static void extended_state(const struct td *td, uint32_t subleaf, uint32_t r[4])
{
	if (subleaf == 0)
		set(r, (uint32_t)td->info.xfam, r[1], xsave_size(td),
		    (uint32_t)(td->info.xfam >> 32));
	else if (subleaf > 1 && (subleaf > 62 || !(td->info.xfam >> subleaf & 1)))
		set(r, 0, 0, 0, 0);
}

static void basic(const struct td *td, uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	switch (leaf) {
	case 0:
		r[0] = MAX_LEAF;
		break;
	case 1:
		r[2] = (r[2] & ~LEAF1_ECX_OFF) | LEAF1_ECX_X2APIC | LEAF1_ECX_HYPERVISOR;
		break;
	case 7:
		if (subleaf != 0)
			break;
		r[0] = 2; /* subleaf 2 shows the speculation controls: none */
		r[1] &= ~LEAF7_EBX_OFF;
		r[2] &= ~LEAF7_ECX_OFF;
		r[3] = (r[3] & ~LEAF7_EDX_OFF) | LEAF7_EDX_ARCH_CAPABILITIES;
		break;
	case 5:   /* MONITOR */
	case 0xa: /* PERFMON */
	case 0x12:
	case 0x14:
	case 0x19:
	case 0x1c:
	case 0x1d:
	case 0x1e:
		set(r, 0, 0, 0, 0);
		break;
	case 0xd:
		extended_state(td, subleaf, r);
		break;
	default:
		break;
	}
}

static void extended(uint32_t leaf, uint32_t r[4])
{
	switch (leaf) {
	case 0x80000000:
		set(r, MAX_EXTENDED, 0, 0, 0);
		break;
	case 0x80000001:
		set(r, 0, 0, r[2] & EXT1_ECX_INTEL, r[3] & EXT1_EDX_INTEL);
		break;
	case 0x80000002 ... 0x80000004:
		memcpy(r, brand + (leaf - 0x80000002) * 16, 16);
		break;
	case 0x80000005: /* AMD's way of describing caches */
		set(r, 0, 0, 0, 0);
		break;
	case 0x80000007: /* the TSC is the host's: it keeps its pace */
		set(r, 0, 0, 0, LEAF_80000007_EDX_INVARIANT_TSC);
		break;
	case 0x80000008:
		set(r, r[0], 0, 0, 0);
		break;
	default:
		break;
	}
}

/* Above its maximum QEMU repeats another leaf's values: topology code trips over them. */
static bool cpu_has(const struct td *td, uint32_t leaf)
{
	uint32_t r[4];

	if (leaf >= 0x80000000)
		return leaf <= MAX_EXTENDED;
	td->port->cpuid(0, 0, r);
	return leaf <= r[0];
}

/*
 * TSC = crystal * EBX / EAX. The local APIC's timer counts the crystal too, and QEMU's counts
 * nanoseconds. Linux multiplies ECX / 1000 by EBX in 32 bits, so EBX is small: the fraction with
 * the least error is looked for.
 */
static void tsc(const struct td *td, uint32_t r[4])
{
	const uint64_t crystal = CRYSTAL_HZ / 1000, limit = UINT32_MAX / crystal;
	uint64_t khz = td->tsc_khz, best = 0, best_error = 0;

	for (uint64_t n = 1; khz && n <= limit; n++) {
		uint64_t d = (n * crystal + khz / 2) / khz;
		uint64_t error =
		        n * crystal > d * khz ? n * crystal - d * khz : d * khz - n * crystal;

		/* error / d is what this fraction is off; the two are compared crosswise */
		if (d && (best == 0 || error * best < best_error * n)) {
			best = n;
			best_error = error;
		}
	}
	if (best)
		set(r, (uint32_t)((best * crystal + khz / 2) / khz), (uint32_t)best, CRYSTAL_HZ, 0);
}

/* The module has no answer for these and lets the guest ask its VMM. */
bool td_cpuid_gives_ve(const struct td *td, uint32_t leaf)
{
	if (!(td->flags & TDXEMU_FLAG_VE))
		return false;
	switch (leaf) {
	case 0 ... 5:
	case 7:
	case 0xa:
	case 0xd:
	case 0x12:
	case 0x14 ... 0x15:
	case 0x19:
	case 0x1c ... 0x1e:
	case 0x20 ... 0x23:
	case 0x80000000 ... MAX_EXTENDED:
		return false;
	case 0xb:
	case 0x1f:
		return !(td->td_ctls & TD_CTLS_ENUM_TOPOLOGY);
	default:
		return true;
	}
}

void td_cpuid(const struct td *td, uint32_t leaf, uint32_t subleaf, uint32_t ret[4])
{
	set(ret, 0, 0, 0, 0);
	if (leaf == TDX_CPUID_LEAF) {
		if (subleaf == 0)
			set(ret, 0, text4("Inte"), text4("    "), text4("lTDX"));
	} else if (leaf >= HYPERVISOR && leaf <= HYPERVISOR_TO) {
		if (leaf == HYPERVISOR) /* what a TD on KVM shows */
			set(ret, HYPERVISOR + 1, text4("KVMK"), text4("VMKV"), text4("M\0\0"));
	} else if (leaf == 0x15) {
		tsc(td, ret);
	} else if (cpu_has(td, leaf)) {
		td->port->cpuid(leaf, subleaf, ret);
		if (leaf < 0x80000000)
			basic(td, leaf, subleaf, ret);
		else
			extended(leaf, ret);
	}
}
