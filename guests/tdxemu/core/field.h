/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tdxemu/core/td.h"

/*
 * Metadata fields: what TDG.VM.RD, TDG.VP.RD and TDG.SYS.RD name by MD_FIELD_ID. ABI specification,
 * "Metadata Access Interface"; which fields there are, and which a guest may read and write, as the
 * tables of Intel's TDX module 1.5 have it (tdr_tdcs_fields_lookup, tdvps_fields_lookup,
 * td_vmcs_fields_lookup, global_sys_fields_lookup), and TOPOLOGY_ENUM_CONFIGURED, ENUM_TOPOLOGY
 * and REDUCE_VE of its later releases.
 *
 * An ID: number in bits 23:0, log2 of the element's size in 33:32, in 37:34 and 46:38 the counts of
 * a list's sequence, class in 61:56, the context in 54:52; bit 63 says "not architectural". For one
 * element only class and number count.
 */
#define FIELD_NUMBER    0xffffffull
#define FIELD_SIZE(id)  ((id) >> 32 & 3)
#define FIELD_CLASS(id) ((unsigned)((id) >> 56 & 0x3f))
#define FIELD_RESERVED  0x4083fffcff000000ull /* reserved, and counts that one element lacks */
#define FIELD_NONE      (~0ull)

#define FIELD_CLASS_CPUID_VALUES 20

enum field {
	FIELD_HIDDEN, /* there, but not for guests */
	FIELD_TD_UUID,
	FIELD_NUM_VCPUS,
	FIELD_ZERO,
	FIELD_ATTRIBUTES,
	FIELD_XFAM,
	FIELD_MAX_VCPUS,
	FIELD_TSC_FREQUENCY,
	FIELD_NOTIFY_ENABLES,
	FIELD_CONFIG_FLAGS,
	FIELD_TD_CTLS,
	FIELD_FEATURE_PARAVIRT,
	FIELD_TOPOLOGY_CONFIGURED,
	FIELD_MRTD,
	FIELD_MRCONFIGID,
	FIELD_MROWNER,
	FIELD_MROWNERCONFIG,
	FIELD_RTMR,
	FIELD_SERVTD_HASH,
	FIELD_VCPU_INDEX,
	FIELD_CPUID_SUPERVISOR_VE,
	FIELD_CPUID_USER_VE,
	FIELD_L2_CTLS,
	FIELD_TSC_DEADLINE,
	FIELD_CPUID_CONTROL,
	FIELD_VENDOR_ID,
	FIELD_MINOR_VERSION,
	FIELD_MAJOR_VERSION,
	FIELD_NUM_FEATURES,
	FIELD_FEATURES0,
	FIELD_L2_GPA_ATTR_MASK,
};

/* Consecutive fields of one shape. A hidden row may stand for several neighbours. */
struct field_row {
	uint64_t id; /* of the first element */
	uint16_t fields, elements;
	uint8_t stride;       /* between the numbers of two elements: 1, or 2 in a VMCS */
	uint8_t what;         /* enum field */
	uint64_t read, write; /* the bits that a guest may */
};

struct field_table {
	uint64_t context; /* in the place that it has in an ID */
	const struct field_row *row;
	unsigned rows;
};

/* By enum td_context, rows in the module's order. */
extern const struct field_table field_tables[3];
