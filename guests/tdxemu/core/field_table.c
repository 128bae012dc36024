/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/core/field.h"

#define ALL8  0xffull
#define ALL16 0xffffull
#define ALL32 0xffffffffull
#define ALL64 (~0ull)

#define READ(id, count, what, mask)            \
	{                                      \
		id, 1, count, 1, what, mask, 0 \
	}
#define HIDDEN(id, count)                           \
	{                                           \
		id, count, 1, 1, FIELD_HIDDEN, 0, 0 \
	}
#define VMCS(first, last)                                                                        \
	{                                                                                        \
		0x0024000000000000ull | (first), ((last) - (first)) / 2 + 1, 1, 2, FIELD_HIDDEN, \
		        0, 0                                                                     \
	}

/* TDR and TDCS. The three L2 VMs' own pages are left out: this module makes no L2 VM. */
static const struct field_row td_rows[] = {
        HIDDEN(0x8010000000000001, 2), /* FATAL, NUM_TDCX */
        HIDDEN(0x8010000300000004, 2), /* CHLDCNT, LIFECYCLE_STATE */
        HIDDEN(0x8010000300000010, 9), /* TDCX_PA */
        READ(0x8010000300000020, 4, FIELD_TD_UUID, ALL64),
        HIDDEN(0x8110000100000001, 2), /* HKID, PKG_CONFIG_BITMAP */
        HIDDEN(0x8210000100000000, 6), /* HANDOFF_VERSION, SEAMDB_* */
        READ(0x9010000200000001, 1, FIELD_NUM_VCPUS, ALL32),
        HIDDEN(0x9010000200000002, 1),
        HIDDEN(0x9010000200000004, 1),                  /* OP_STATE */
        READ(0x9010000100000005, 1, FIELD_ZERO, ALL16), /* NUM_L2_VMS */
        READ(0x1110000300000000, 1, FIELD_ATTRIBUTES, ALL64),
        READ(0x1110000300000001, 1, FIELD_XFAM, ALL64),
        READ(0x1110000200000002, 1, FIELD_MAX_VCPUS, ALL32),
        READ(0x1110000000000003, 1, FIELD_ZERO, ALL8), /* GPAW: 48 bits */
        HIDDEN(0x1110000300000004, 1),                 /* EPTP */
        HIDDEN(0x111000030000000a, 2),                 /* TSC_OFFSET, TSC_MULTIPLIER */
        READ(0x111000010000000c, 1, FIELD_TSC_FREQUENCY, ALL16),
        HIDDEN(0x111000030000000d, 3), /* VIRTUAL_TSC, NUM_CPUID_VALUES, XBUFF_SIZE */
        {0x9110000300000010, 1, 1, 1, FIELD_NOTIFY_ENABLES, 1, 1},
        HIDDEN(0x9110000300000011, 5),                  /* HP_LOCK_TIMEOUT, VM_CTLS */
        READ(0x1110000300000016, 1, FIELD_ZERO, ALL64), /* CONFIG_FLAGS */
        {0x1110000300000017, 1, 1, 1, FIELD_TD_CTLS, ALL64,
         TD_CTLS_PENDING_VE_DISABLE | TD_CTLS_ENUM_TOPOLOGY | TD_CTLS_REDUCE_VE |
                 TD_CTLS_NOT_OFFERED},
        READ(0x9110000000000019, 1, FIELD_TOPOLOGY_CONFIGURED, ALL8),
        {0x9110000300000022, 1, 1, 1, FIELD_FEATURE_PARAVIRT, ALL64, ALL64},
        HIDDEN(0x9110000000000080, 80), /* CPUID_VALID */
        HIDDEN(0x9110000200000800, 19), /* XBUFF_OFFSETS */
        HIDDEN(0x9210000300000000, 3),  /* TD_EPOCH, REFCOUNT */
        READ(0x1310000300000000, 6, FIELD_MRTD, ALL64),
        READ(0x1310000300000010, 6, FIELD_MRCONFIGID, ALL64),
        READ(0x1310000300000018, 6, FIELD_MROWNER, ALL64),
        READ(0x1310000300000020, 6, FIELD_MROWNERCONFIG, ALL64),
        {0x1310000300000040, 4, 6, 1, FIELD_RTMR, ALL64, 0},
        HIDDEN(0x961000030000010a, 1), /* virtual MSRs */
        HIDDEN(0x9610000300000480, 1),
        HIDDEN(0x9610000300000485, 5),
        HIDDEN(0x961000030000048b, 9),
        HIDDEN(0x9810000000000001, 6), /* migration */
        HIDDEN(0x9810000300000010, 18),
        HIDDEN(0x9810000300000030, 3),
        HIDDEN(0x9810000200000034, 1),
        READ(0x9810000300000040, 4, FIELD_ZERO, ALL64), /* PRE_IMPORT_UUID */
        READ(0x9910000300000000, 6, FIELD_SERVTD_HASH, ALL64),
        READ(0x9910000100000006, 1, FIELD_ZERO, ALL16),  /* SERVTD_NUM: none is bound */
        READ(0x9910000300000080, 16, FIELD_ZERO, ALL64), /* SERVTD_BINDINGS_TABLE */
        HIDDEN(0x9a10000300000000, 512),                 /* MIGSC_LINKS */
        HIDDEN(0x2010000300000000, 512),                 /* MSR_BITMAPS */
        HIDDEN(0x2110000300000000, 512),                 /* SEPT_ROOT */
};

/* TDVPS, after the TD's VMCS, of which a guest may read nothing. */
static const struct field_row vcpu_rows[] = {
        VMCS(0x0, 0x6),
        VMCS(0x800, 0x814),
        VMCS(0x2000, 0x202e),
        VMCS(0x2032, 0x2040),
        VMCS(0x204a, 0x204c),
        VMCS(0x2400, 0x2400),
        VMCS(0x2800, 0x2810),
        VMCS(0x2814, 0x2818),
        VMCS(0x4000, 0x4026),
        VMCS(0x4400, 0x440e),
        VMCS(0x4800, 0x482a),
        VMCS(0x482e, 0x482e),
        VMCS(0x6000, 0x600e),
        VMCS(0x6400, 0x640a),
        VMCS(0x6800, 0x682c),
        VMCS(0x6c08, 0x6c08),
        VMCS(0x6c14, 0x6c16),
        VMCS(0x6c1a, 0x6c1a),
        HIDDEN(0x0120000300000000, 128), /* VAPIC */
        HIDDEN(0x0220000200000000, 6),   /* VE_INFO */
        HIDDEN(0x8220000200000010, 2),
        HIDDEN(0x1020000300000000, 16), /* general registers */
        HIDDEN(0x1120000300000000, 4),  /* DR0-DR3, DR6, XCR0, CR2, VCPU_STATE_DETAILS */
        HIDDEN(0x1120000300000006, 1),
        HIDDEN(0x1120000300000020, 1),
        HIDDEN(0x1120000300000028, 1),
        HIDDEN(0x9120000300000100, 1),
        HIDDEN(0x1220000300000000, 1536), /* XBUFF */
        HIDDEN(0x1320000300000048, 1),    /* MSRs: SPEC_CTRL, UMWAIT_CONTROL, TSX_CTRL */
        HIDDEN(0x13200003000000e1, 1),
        HIDDEN(0x1320000300000122, 1),
        HIDDEN(0x1320000300000186, 8), /* performance monitoring */
        HIDDEN(0x13200003000001a6, 2),
        HIDDEN(0x13200003000001c4, 2), /* XFD, XFD_ERR */
        HIDDEN(0x1320000300000309, 7),
        HIDDEN(0x1320000300000329, 1),
        HIDDEN(0x132000030000038d, 2),
        HIDDEN(0x13200003000003f1, 2),
        HIDDEN(0x13200003000003f6, 2),
        HIDDEN(0x13200003000004c1, 8),
        HIDDEN(0x1320000300000600, 1),
        HIDDEN(0x1320000300000da0, 1), /* XSS, LBR_DEPTH, UARCH_MISC_CTL */
        HIDDEN(0x13200003000014cf, 1),
        HIDDEN(0x1320000300001b01, 1),
        HIDDEN(0x1320000300002081, 2), /* STAR, LSTAR, FMASK, KERNEL_GS_BASE, TSC_AUX */
        HIDDEN(0x1320000300002084, 1),
        HIDDEN(0x1320000300002102, 2),
        HIDDEN(0xa020000000000000, 1),
        READ(0xa020000200000002, 1, FIELD_VCPU_INDEX, ALL32),
        HIDDEN(0xa020000000000003, 2),
        HIDDEN(0xa020000300000006, 1),
        {0xa020000000000007, 1, 1, 1, FIELD_CPUID_SUPERVISOR_VE, ALL8, ALL8},
        {0xa020000000000008, 1, 1, 1, FIELD_CPUID_USER_VE, ALL8, ALL8},
        HIDDEN(0xa02000030000000a, 21), /* LAST_EXIT_TSC ... TDVPS_PAGE_PA */
        HIDDEN(0xa020000300000030, 3),
        HIDDEN(0xa020000000000040, 3),
        HIDDEN(0xa020000000000044, 12),
        {0xa020000300000050, 4, 1, 1, FIELD_L2_CTLS, ALL64, 7},
        HIDDEN(0xa020000300000054, 4),
        {0xa020000300000058, 4, 1, 1, FIELD_TSC_DEADLINE, ALL64, ALL64},
        HIDDEN(0xa02000030000005c, 4),
        HIDDEN(0xa020000300000080, 32), /* shadows of L2 VMCS fields */
        HIDDEN(0xa0200002000000a4, 20),
        HIDDEN(0xa020000300000100, 24),
        {0xa120000000000000, TD_CPUID_CONTROLS, 1, 1, FIELD_CPUID_CONTROL, ALL8, 3},
        HIDDEN(0xa220000300000200, 32), /* LAST_EPF_GPA_LIST */
};

static const struct field_row sys_rows[] = {
        HIDDEN(0x0000000200000000, 9), /* NUM_PKGS, PKG_FMS */
        READ(0x0800000200000000, 1, FIELD_VENDOR_ID, ALL32),
        HIDDEN(0x8800000200000001, 2), /* BUILD_DATE, BUILD_NUM */
        READ(0x0800000100000003, 1, FIELD_MINOR_VERSION, ALL16),
        READ(0x0800000100000004, 1, FIELD_MAJOR_VERSION, ALL16),
        HIDDEN(0x0800000100000005, 2),                  /* UPDATE_VERSION, INTERNAL_VERSION */
        HIDDEN(0x8900000100000000, 7),                  /* hand-off between modules */
        READ(0x0a00000200000000, 1, FIELD_ZERO, ALL32), /* SYS_ATTRIBUTES */
        READ(0x0a00000000000001, 1, FIELD_NUM_FEATURES, ALL8),
        READ(0x0a00000300000008, 1, FIELD_FEATURES0, ALL64),
        HIDDEN(0x9000000100000000, 1),                  /* CMRs */
        HIDDEN(0x9000000300000080, 32),
        HIDDEN(0x9000000300000100, 32),
        HIDDEN(0x9100000100000008, 2), /* TDMRs, PAMT */
        HIDDEN(0x9100000100000010, 3),
        HIDDEN(0x9800000100000000, 1), /* sizes of TDR, TDCS, TDVPS */
        HIDDEN(0x9800000100000100, 2),
        HIDDEN(0x9800000100000200, 2),
        HIDDEN(0x1900000300000000, 5), /* what TDH.MNG.INIT takes */
        HIDDEN(0x9900000300000006, 2),
        HIDDEN(0x9900000300000400, 32),
        HIDDEN(0x9900000300000500, 64),
        HIDDEN(0x9900000300000600, 1),
        HIDDEN(0x9900000100000800, 2),
        HIDDEN(0x9900000300000810, 128),
        READ(0xa000000300000000, 1, FIELD_ZERO, ALL64),      /* MIG_ATTRIBUTES: no migration */
        {0x2000000100000001, 4, 1, 1, FIELD_ZERO, ALL16, 0}, /* MIN and MAX of its versions */
        HIDDEN(0xa000000100000010, 1),
        HIDDEN(0xa000000000000020, 3),
        HIDDEN(0xa100000100000000, 3), /* service TDs */
        READ(0xa200000100000000, 1, FIELD_L2_GPA_ATTR_MASK, ALL16),
        HIDDEN(0xa200000300000001, 6),
};

#define TABLE(context, rows)                                                    \
	{                                                                       \
		(uint64_t)(context) << 52, rows, sizeof(rows) / sizeof(*(rows)) \
	}
const struct field_table field_tables[3] = {
        [TD_CONTEXT_SYS] = TABLE(0, sys_rows),
        [TD_CONTEXT_TD] = TABLE(1, td_rows),
        [TD_CONTEXT_VCPU] = TABLE(2, vcpu_rows),
};
