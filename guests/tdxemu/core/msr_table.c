/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MSRs of a TD: TDX Module Base Architecture Specification, "MSR Virtualization", and the
 * table of Intel's TDX module 1.5 for a TD without PERFMON, PKS, and in XFAM no PT, CET, UINTR, LBR
 * or AMX: no TD has any of them here, so that an MSR of theirs always gives #GP. What later releases
 * of 1.5 do otherwise is marked. test/test_msr.c holds this against that module's own table.
 */
#include "tdxemu/core/msr_table.h"

#include <stddef.h>

/* clang-format off */
static const struct msr_row table[] = {
	{0x10, 0x10, MSR_KEPT, MSR_VE},       /* TSC */
	{0x1b, 0x1b, MSR_OURS, MSR_VE},       /* APICBASE; 1.5.01: #VE to read */
	{0x48, 0x48, MSR_KEPT, MSR_KEPT},     /* SPEC_CTRL */
	{0x49, 0x49, MSR_GP, MSR_KEPT},       /* PRED_CMD: write-only */
	{0x87, 0x87, MSR_GP, MSR_GP},         /* MKTME_PARTITIONING */
	{0x8c, 0x8f, MSR_GP, MSR_GP},         /* SGXLEPUBKEYHASH */
	{0x98, 0x9b, MSR_GP, MSR_GP},         /* WBINVDP, WBNOINVDP, INTR_PENDING, SMM_MONITOR_CTL */
	{0x9e, 0x9e, MSR_GP, MSR_GP},         /* SMBASE */
	{0xbc, 0xbc, MSR_KEPT, MSR_VE},       /* MISC_PACKAGE_CTLS */
	{0xbd, 0xbd, MSR_OURS, MSR_GP},       /* XAPIC_DISABLE_STATUS: read-only */
	{0xc1, 0xc8, MSR_GP, MSR_GP},         /* PMC */
	{0xe1, 0xe1, MSR_GP, MSR_GP},         /* UMWAIT_CONTROL */
	{0x10a, 0x10a, MSR_OURS, MSR_GP},     /* ARCH_CAPABILITIES: read-only */
	{0x10b, 0x10b, MSR_GP, MSR_KEPT},     /* FLUSH_CMD: write-only */
	{0x122, 0x122, MSR_GP, MSR_GP},       /* TSX_CTRL */
	{0x174, 0x176, MSR_CPU, MSR_CPU},     /* SYSENTER */
	{0x186, 0x18d, MSR_GP, MSR_GP},       /* PERFEVTSEL */
	{0x195, 0x195, MSR_GP, MSR_GP},       /* OVERCLOCKING_STATUS */
	{0x1a0, 0x1a0, MSR_OURS, MSR_VE},     /* MISC_ENABLE */
	{0x1a6, 0x1a7, MSR_GP, MSR_GP},       /* OFFCORE_RSP */
	{0x1c4, 0x1c5, MSR_GP, MSR_GP},       /* XFD, XFD_ERR */
	{0x1d9, 0x1d9, MSR_OURS, MSR_OURS},   /* DEBUGCTL */
	{0x1f8, 0x1fa, MSR_GP, MSR_GP},       /* DCA */
	{0x276, 0x276, MSR_GP, MSR_GP},       /* SLAM_ENABLE */
	{0x277, 0x277, MSR_CPU, MSR_CPU},     /* PAT */
	{0x309, 0x310, MSR_GP, MSR_GP},       /* FIXED_CTR */
	{0x329, 0x329, MSR_GP, MSR_GP},       /* PERF_METRICS */
	{0x345, 0x345, MSR_OURS, MSR_GP},     /* PERF_CAPABILITIES */
	{0x38d, 0x392, MSR_GP, MSR_GP},       /* FIXED_CTR_CTRL, PERF_GLOBAL_* */
	{0x3f1, 0x3f2, MSR_GP, MSR_GP},       /* PEBS */
	{0x3f6, 0x3f7, MSR_GP, MSR_GP},
	{0x480, 0x480, MSR_OURS, MSR_GP},     /* VMX_BASIC */
	{0x481, 0x484, MSR_VE, MSR_GP},       /* VMX_*_CTLS without "true" */
	{0x485, 0x489, MSR_OURS, MSR_GP},     /* VMX_MISC, CR0_FIXED, CR4_FIXED */
	{0x48a, 0x48a, MSR_VE, MSR_GP},       /* VMX_VMCS_ENUM */
	{0x48b, 0x492, MSR_OURS, MSR_GP},     /* VMX_PROCBASED_CTLS2 ... CTLS3 */
	{0x4c1, 0x4c8, MSR_GP, MSR_GP},       /* A_PMC */
	{0x500, 0x500, MSR_GP, MSR_GP},       /* SGX_SVN_STATUS */
	{0x560, 0x561, MSR_GP, MSR_GP},       /* RTIT */
	{0x570, 0x572, MSR_GP, MSR_GP},
	{0x580, 0x587, MSR_GP, MSR_GP},
	{0x600, 0x600, MSR_KEPT, MSR_KEPT},   /* DS_AREA */
	{0x6a0, 0x6a0, MSR_GP, MSR_GP},       /* U_CET */
	{0x6a2, 0x6a2, MSR_GP, MSR_GP},       /* S_CET */
	{0x6a4, 0x6a8, MSR_GP, MSR_GP},       /* PL0_SSP ... INTERRUPT_SSP_TABLE */
	{0x6e0, 0x6e1, MSR_GP, MSR_GP},       /* TSC_DEADLINE: not offered; PKRS */
	{0x800, 0x801, MSR_GP, MSR_GP},
	{0x802, 0x802, MSR_OURS, MSR_GP},     /* APICID; 1.5.01: #VE */
	{0x803, 0x803, MSR_OURS, MSR_VE},     /* VERSION; 1.5.01: #VE to read */
	{0x804, 0x807, MSR_GP, MSR_GP},
	{0x808, 0x808, MSR_APIC, MSR_APIC},   /* TPR */
	{0x809, 0x809, MSR_KEPT, MSR_GP},     /* the virtual APIC page's bytes, which are 0 */
	{0x80a, 0x80a, MSR_APIC, MSR_GP},     /* PPR */
	{0x80b, 0x80b, MSR_KEPT, MSR_APIC},   /* EOI */
	{0x80c, 0x80c, MSR_KEPT, MSR_GP},
	{0x80d, 0x80d, MSR_VMM, MSR_VMM},     /* LDR */
	{0x80e, 0x80e, MSR_KEPT, MSR_GP},
	{0x80f, 0x80f, MSR_VMM, MSR_VMM},     /* SVR */
	{0x810, 0x827, MSR_APIC, MSR_GP},     /* ISR, TMR, IRR */
	{0x828, 0x828, MSR_VMM, MSR_VMM},     /* ESR */
	{0x829, 0x82e, MSR_GP, MSR_GP},
	{0x82f, 0x830, MSR_VMM, MSR_VMM},     /* LVT CMCI, ICR */
	{0x831, 0x831, MSR_GP, MSR_GP},
	{0x832, 0x83e, MSR_VMM, MSR_VMM},     /* LVT, timer */
	{0x83f, 0x83f, MSR_KEPT, MSR_APIC},   /* SELF_IPI */
	{0x840, 0x8ff, MSR_GP, MSR_GP},
	{0x981, 0x984, MSR_GP, MSR_GP},       /* TME */
	{0x985, 0x98a, MSR_GP, MSR_GP},       /* UINTR */
	{0xc80, 0xc80, MSR_KEPT, MSR_VE},     /* DEBUG_INTERFACE */
	{0xd90, 0xd90, MSR_GP, MSR_GP},       /* BNDCFGS */
	{0xd93, 0xd93, MSR_GP, MSR_GP},       /* PASID */
	{0xda0, 0xda0, MSR_KEPT, MSR_OURS},   /* XSS */
	{0x1200, 0x12ff, MSR_GP, MSR_GP},     /* LBR_INFO */
	{0x14ce, 0x14cf, MSR_GP, MSR_GP},     /* LBR_CTL, LBR_DEPTH */
	{0x1500, 0x16ff, MSR_GP, MSR_GP},     /* LBR_FROM, LBR_TO */
	{0x1b01, 0x1b01, MSR_KEPT, MSR_KEPT}, /* UARCH_MISC_CTL */
	{0xc0000080, 0xc0000080, MSR_OURS, MSR_OURS}, /* EFER */
	{0xc0000081, 0xc0000082, MSR_CPU, MSR_CPU},   /* STAR, LSTAR */
	{0xc0000084, 0xc0000084, MSR_CPU, MSR_CPU},   /* FMASK */
	{0xc0000100, 0xc0000103, MSR_CPU, MSR_CPU},   /* FS, GS and kernel GS base, TSC_AUX */
};
/* clang-format on */

const struct msr_row *msr_row(uint32_t index)
{
	static const struct msr_row others = {0, ~0u, MSR_VE, MSR_VE};
	size_t from = 0, to = sizeof(table) / sizeof(*table);

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (index < table[middle].first)
			to = middle;
		else if (index > table[middle].last)
			from = middle + 1;
		else
			return &table[middle];
	}
	return &others;
}
