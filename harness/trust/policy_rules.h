/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/json.h"
#include "trust/policy.h"

/* A policy as it was read: policy.c reads, policy_apply.c applies, policy_rules.c is
 * what both take values by. Private to them. */

#define POLICY_NAMES 300 /* bytes of a list of names */

#define POLICY_VMIDS 4 /* of a TD: itself, and the VMs 1 to 3 within it */

struct policy_bits { /* of a quote's 64 bits */
	bool given;
	uint64_t mask, value;
};

struct policy {
	unsigned statuses, current, origins; /* sets: 1 << enumerator; `current` 0: any */
	bool allow_debug, allow_service_td, require_sept_ve_disable, refuse_reserved_bits;
	int64_t min_evaluation, min_qe_svn, min_pce_svn; /* 0: any */
	int64_t grace_days, max_collateral_age_days;     /* -1: any */
	time_t min_date;                                 /* 0: any */
	struct policy_bits attributes, xfam;
	unsigned vmids; /* a set: 1 << VMID */
	bool has_min_svn;
	uint8_t min_svn[16];
	bool set_given;
	enum verifier_set set;
	uint32_t evaluation;
	json_t *json;     /* registers, images and advisories stay where they were read */
	json_t *required; /* by policy_require(): register to array of texts; or NULL */
};

/* What a quote or its PCK certificate has, and a policy names in hexadecimal. */
enum policy_source { POLICY_OF_TD, POLICY_OF_PCK };

struct policy_register {
	const char *name;
	enum policy_source source;
	size_t offset, size; /* in struct quote_td or struct pck */
};
#define POLICY_REGISTERS 14
extern const struct policy_register policy_registers[POLICY_REGISTERS];

/* NULL: none of this name. */
const struct policy_register *policy_register_find(const char *name);
/*
 * One value or a non-empty array of them; *ret_equal when one is `value`'s, which may be NULL.
 * False: malformed.
 */
bool policy_match(const json_t *wanted, const uint8_t *value, size_t size, bool *ret_equal);
/* "UpToDate, OutOfDate": the names in a set, or "nothing". */
const char *policy_list(unsigned set, const char *const names[], size_t count,
                        char out[POLICY_NAMES]);
