/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/core/td.h"

#include <string.h>

#include "format/tdx.h"

/*
 * CPUID in a TD: TDX Module Base Architecture Specification, "CPUID Virtualization", and the tables
 * of Intel's TDX module 1.5. A leaf that the table has no row for gives #VE. What a row shows is the
 * CPU's own bits, as far as `cpu` lets them through, and those of `one`, which each processor with
 * TDX has: README says which of these are more than there is behind them.
 */
#define B(n) (1u << (n))
#define ALL  0xffffffffu
#define ANY  0xffffffffu /* for every subleaf */
#define NONE 0xffffffffu

#define MAX_LEAF      0x23u
#define MAX_EXTENDED  0x80000008u
#define HYPERVISOR    0x40000000u
#define HYPERVISOR_TO 0x4fffffffu
#define ADDRESS_SIZES 0x3034u /* 48 linear bits, 52 physical ones; GPAW is another thing */

#define LEAF1_EDX_MACHINE_CHECK (B(7) | B(12) | B(14)) /* MCE, MTRR, MCA */
#define LEAF1_ECX_CX16          B(13)
#define LEAF1_ECX_OSXSAVE       B(27)
#define LEAF7_ECX_OSPKE         B(4)
#define LEAF7_EDX_CORE_CAPS     B(30)
#define EXT1_EDX_SYSCALL        B(11)
#define CR4_OSXSAVE             (1ull << 18)
#define CR4_PKE                 (1ull << 22)
#define NEAR                    400 /* one part in so many: a quarter of a percent */

struct row {
	uint32_t leaf, first, last; /* subleaves; ANY, ANY: the leaf has none */
	uint32_t
	        index; /* of the first subleaf in the module's table: TDVPS.CPUID_CONTROL goes by it */
	uint32_t cpu[4], one[4]; /* EAX, EBX, ECX, EDX */
};

/* clang-format off */
static const struct row rows[] = {
	{0x0, ANY, ANY, 10, {0, ALL, ALL, ALL}, {MAX_LEAF}},
	{0x1, ANY, ANY, 0,
	 {0x0fff3fff, 0x00ffff00,
	  /* SSE3 PCLMULQDQ SSSE3 FMA CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND */
	  B(0) | B(1) | B(9) | B(12) | B(13) | B(19) | B(20) | B(22) | B(23) | B(25) | B(26) | B(28) |
		B(29) | B(30),
	  /* FPU DE PSE TSC MSR PAE MCE CX8 SEP MTRR PGE MCA CMOV PAT CLFSH MMX FXSR SSE SSE2 SS HTT */
	  B(0) | B(2) | B(3) | B(4) | B(5) | B(6) | B(7) | B(8) | B(11) | B(12) | B(13) | B(14) |
		B(15) | B(16) | B(19) | B(23) | B(24) | B(25) | B(26) | B(27) | B(28)},
	 {0, 0,
	  /* DTES64 DS-CPL PDCM x2APIC hypervisor */
	  B(2) | B(4) | B(15) | B(21) | B(31),
	  /* VME APIC DS */
	  B(1) | B(9) | B(21)}},
	{0x3, ANY, ANY, 11, {0}, {0}},
	{0x4, 0, 2, 1, {~0x3c00u, ALL, ALL, ~B(2)}, {0}},
	{0x4, 3, 3, 4, {~0x3c00u, ALL, ALL, 7}, {0}},
	{0x4, 4, 4, 12, {0}, {0}},
	{0x5, ANY, ANY, 63, {0}, {0}}, /* MONITOR: off */
	{0x7, 0, 0, 5,
	 {0,
	  /* FSGSBASE BMI1 AVX2 SMEP BMI2 ERMS ADX SMAP CLFLUSHOPT CLWB SHA */
	  B(0) | B(3) | B(5) | B(7) | B(8) | B(9) | B(19) | B(20) | B(23) | B(24) | B(29),
	  /* UMIP GFNI VAES VPCLMULQDQ RDPID CLDEMOTE */
	  B(2) | B(8) | B(9) | B(10) | B(22) | B(25),
	  /* FSRM SERIALIZE */
	  B(4) | B(14)},
	 {2,
	  /* FDP_EXCPTN_ONLY INVPCID FCS_FDS_DEPRECATED RDSEED */
	  B(6) | B(10) | B(13) | B(18),
	  /* BUS_LOCK_DETECT MOVDIRI MOVDIR64B */
	  B(24) | B(27) | B(28),
	  /* MD_CLEAR IBRS STIBP L1D_FLUSH ARCH_CAPABILITIES CORE_CAPABILITIES SSBD */
	  B(10) | B(26) | B(27) | B(28) | B(29) | B(30) | B(31)}},
	{0x7, 1, 1, 6, {0x1d30}, {0}}, /* AVX-VNNI ... */
	/* PSFD IPRED_CTRL RRSBA_CTRL BHI_CTRL */
	{0x7, 2, 2, 14, {0}, {0, 0, 0, B(0) | B(1) | B(2) | B(4)}},
	{0x8, ANY, ANY, 15, {0}, {0}},
	{0xa, ANY, ANY, 7, {0}, {0}}, /* ATTRIBUTES.PERFMON: off */
	{0xd, 0, 0, 16, {ALL, ALL, ALL, 0}, {0}},
	{0xd, 1, 1, 17, {0xf, ALL, 0, 0}, {0}},
	{0xd, 2, 18, 18, {ALL, ALL, ALL, 0}, {0}},
	{0xe, ANY, ANY, 35, {0}, {0}},
	{0x11, ANY, ANY, 36, {0}, {0}},
	{0x12, ANY, ANY, 37, {0}, {0}},
	{0x13, ANY, ANY, 38, {0}, {0}},
	{0x14, 0, 1, 39, {0}, {0}}, /* XFAM.PT: off */
	{0x15, ANY, ANY, 41, {0}, {1}},
	{0x19, ANY, ANY, 42, {0}, {0}}, /* key locker: off */
	{0x1c, ANY, ANY, 8, {0}, {0}}, /* XFAM.LBR: off */
	{0x1d, 0, 1, 43, {0}, {0}}, /* XFAM.AMX: off */
	{0x1e, ANY, ANY, 45, {0}, {0}},
	{0x20, ANY, ANY, 52, {0}, {0}},
	{TDX_CPUID_LEAF, 0, 0, 53, {0}, {0, 0x65746e49, 0x20202020, 0x5844546c}}, /* "IntelTDX    " */
	{0x22, ANY, ANY, 58, {0}, {0}},
	{0x23, 0, 3, 59, {0}, {0}},
	{0x80000000, ANY, ANY, 54, {0}, {MAX_EXTENDED}},
	/* LAHF LZCNT, PREFETCHW; NX 1G RDTSCP LM */
	{0x80000001, ANY, ANY, 55, {0, 0, B(0) | B(5), B(20) | B(26) | B(27) | B(29)}, {0, 0, B(8), 0}},
	{0x80000007, ANY, ANY, 57, {0}, {0, 0, 0, B(8)}}, /* invariant TSC: it is the host's */
	{0x80000008, ANY, ANY, 9, {0}, {ADDRESS_SIZES, B(9)}}, /* WBNOINVD: #VE, as WBINVD is */
};

/* Answered only when the guest has set TD_CTLS.REDUCE_VE. */
static const struct row reduced[] = {
	/* no descriptors: leaves 4 and 0x18 tell */
	{0x2, ANY, ANY, NONE, {0}, {0x00feff01}},
	{0x6, ANY, ANY, NONE, {0}, {B(2)}}, /* ARAT */
	{0x9, ANY, ANY, NONE, {0}, {0}},
	{0xc, ANY, ANY, NONE, {0}, {0}},
};
/* clang-format on */

static const char brand[48] = "Emulated TD (tception tdxemu, not Intel TDX)";

static const struct row *find(const struct row *table, size_t count, uint32_t leaf,
                              uint32_t subleaf)
{
	for (size_t i = 0; i < count; i++) {
		if (table[i].leaf != leaf)
			continue;
		if (table[i].first == ANY ||
		    (subleaf >= table[i].first && subleaf <= table[i].last))
			return &table[i];
	}
	return NULL;
}
#define FIND(table, leaf, subleaf) find(table, sizeof(table) / sizeof(*(table)), leaf, subleaf)

/* ---- the time-stamp counter: TSC = crystal * EBX; the APIC's timer counts the crystal ---- */

uint32_t td_tsc_ratio(const struct td *td)
{
	uint64_t n = (td->tsc_khz + TD_CRYSTAL_HZ / 2000) / (TD_CRYSTAL_HZ / 1000);

	return n ? (uint32_t)n : 1;
}

/*
 * 25 MHz as in every TD, if the host's TSC is near enough to a multiple of it; nothing here can
 * scale it. Else what makes the product right.
 */
uint32_t td_crystal_hz(const struct td *td)
{
	uint64_t hz = td->tsc_khz * 1000ull, nominal = td_tsc_ratio(td) * TD_CRYSTAL_HZ;
	uint64_t off = hz > nominal ? hz - nominal : nominal - hz;

	return (uint32_t)(off * NEAR <= nominal ? TD_CRYSTAL_HZ : hz / td_tsc_ratio(td));
}

/* ---- what is not constant ---- */

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
	if (subleaf == 0) {
		r[0] &= (uint32_t)td->info.xfam;
		r[2] = xsave_size(td);
	} else if (subleaf > 1 && !(td->info.xfam >> subleaf & 1)) {
		memset(r, 0, 4 * sizeof(*r));
	}
}

/*
 * Where QEMU has no right CMPXCHG16B, the module carries it out: much too slow for a kernel that
 * would use it for each allocation, so only programs see it.
 */
static void features(const struct td *td, const struct td_cpu_state *s, uint32_t r[4])
{
	r[1] |= s->index << 24;
	if (s->cpl > 0)
		r[2] |= LEAF1_ECX_CX16;
	if (s->cr4 & CR4_OSXSAVE)
		r[2] |= LEAF1_ECX_OSXSAVE;
	if (td->td_ctls & TD_CTLS_REDUCE_VE)
		r[3] &= ~LEAF1_EDX_MACHINE_CHECK;
}

static void dynamic(const struct td *td, const struct td_cpu_state *s, uint32_t leaf,
                    uint32_t subleaf, uint32_t r[4])
{
	switch (leaf) {
	case 0x1:
		features(td, s, r);
		break;
	case 0x7:
		if (subleaf == 0 && s->cr4 & CR4_PKE)
			r[2] |= LEAF7_ECX_OSPKE;
		if (subleaf == 0 && td->td_ctls & TD_CTLS_REDUCE_VE)
			r[3] &= ~LEAF7_EDX_CORE_CAPS;
		break;
	case 0xd:
		extended_state(td, subleaf, r);
		break;
	case 0x15:
		r[1] = td_tsc_ratio(td);
		r[2] = td_crystal_hz(td);
		break;
	case 0x80000001:
		if (s->code64)
			r[3] |= EXT1_EDX_SYSCALL;
		break;
	default:
		break;
	}
}

/* ---- topology: the virtual machine's own, if the guest asked the module for it ---- */

/* Above its maximum QEMU repeats another leaf's values: topology code trips over them. */
static void topology(const struct td *td, uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	td->port->cpuid(0, 0, r);
	if (leaf <= r[0])
		td->port->cpuid(leaf, subleaf, r);
	else
		memset(r, 0, 4 * sizeof(*r));
}

static bool is_topology(uint32_t leaf)
{
	return leaf == 0xb || leaf == 0x1f;
}

/* Above the maximum of its range a leaf is the last basic one; between them are a VMM's own. */
static uint32_t known_range(uint32_t leaf)
{
	if (leaf >= HYPERVISOR && leaf <= HYPERVISOR_TO)
		return leaf;
	if (leaf > MAX_EXTENDED || (leaf > MAX_LEAF && leaf < 0x80000000u))
		return MAX_LEAF;
	return leaf;
}

/* Whether the guest itself wants #VE: TDG.VP.CPUIDVE.SET, TDG.VP.WR of CPUID_CONTROL. */
static bool wants_ve(const struct td_vcpu *vcpu, const struct td_cpu_state *s,
                     const struct row *row, uint32_t subleaf)
{
	uint8_t level = s->cpl == 0 ? TD_CPUIDVE_SUPERVISOR : TD_CPUIDVE_USER;
	uint8_t all = s->cpl == 0 ? vcpu->cpuid_supervisor_ve : vcpu->cpuid_user_ve;
	uint32_t index = row->index;

	if (row->first != ANY)
		index += subleaf - row->first;
	return all || (row->index != NONE && vcpu->cpuid_control[index] & level);
}

static void shown(const struct td *td, const struct td_cpu_state *s, const struct row *row,
                  uint32_t subleaf, uint32_t ret[4])
{
	td->port->cpuid(row->leaf, subleaf, ret);
	for (unsigned i = 0; i < 4; i++)
		ret[i] = (ret[i] & row->cpu[i]) | row->one[i];
	dynamic(td, s, row->leaf, subleaf, ret);
}

enum td_answer td_cpuid(const struct td *td, const struct td_vcpu *vcpu,
                        const struct td_cpu_state *s, uint32_t leaf, uint32_t subleaf,
                        uint32_t ret[4])
{
	const struct row *row;

	leaf = known_range(leaf);
	row = FIND(rows, leaf, subleaf);
	if (!row && td->td_ctls & TD_CTLS_REDUCE_VE)
		row = FIND(reduced, leaf, subleaf);
	if (row && wants_ve(vcpu, s, row, subleaf))
		return TD_ANSWER_VE;
	if (row)
		shown(td, s, row, subleaf, ret);
	else if (is_topology(leaf) && td->td_ctls & (TD_CTLS_REDUCE_VE | TD_CTLS_ENUM_TOPOLOGY))
		topology(td, leaf, subleaf, ret);
	else
		return TD_ANSWER_VE;
	return TD_ANSWER_DONE;
}

bool td_cpuid_has_row(uint32_t leaf, uint32_t subleaf)
{
	/* those whose row says #VE */
	return leaf == 0x6 || leaf == 0x80000006 || (leaf == 0x1f && subleaf < 6) ||
	       FIND(rows, leaf, subleaf);
}

/* The VMM's answer. Linux asks it for the hypervisor's leaves only. */
void td_cpuid_by_vmcall(const struct td *td, uint32_t leaf, uint32_t subleaf, uint32_t ret[4])
{
	static const uint32_t kvm[4] = {HYPERVISOR + 1, 0x4b4d564b, 0x564b4d56, 0x4d};
	const struct td_cpu_state state = {.code64 = true};
	const struct row *row = FIND(reduced, leaf, subleaf);

	memset(ret, 0, 4 * sizeof(*ret));
	if (leaf == HYPERVISOR) /* "KVMKVMKVM", as a TD on KVM sees it */
		memcpy(ret, kvm, sizeof(kvm));
	else if (leaf >= 0x80000002 && leaf <= 0x80000004)
		memcpy(ret, brand + (leaf - 0x80000002) * 16, 16);
	else if (is_topology(leaf))
		topology(td, leaf, subleaf, ret);
	else if (row || (row = FIND(rows, leaf, subleaf)))
		shown(td, &state, row, subleaf, ret);
}
