/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * The SGX extension of a PCK certificate: which platform, at which TCB, its key belongs to. Intel
 * "SGX PCK Certificate and Certificate Revocation List Profile Specification", section "SGX
 * Extensions". What only some certificates have is unknown in the others.
 */

/* How a platform protects SGX memory. Names: "unknown", "standard", "scalable", "scalable with
 * integrity". */
enum sgx_type {
	SGX_TYPE_UNKNOWN,
	SGX_TYPE_STANDARD,
	SGX_TYPE_SCALABLE,
	SGX_TYPE_SCALABLE_INTEGRITY,
	SGX_TYPE_COUNT
};
extern const char *const sgx_type_names[SGX_TYPE_COUNT];

enum known { KNOWN_NOT, KNOWN_FALSE, KNOWN_TRUE };

struct pck {
	uint8_t ppid[16];
	uint8_t component[16]; /* SVNs of the TCB components */
	uint16_t pcesvn;
	uint8_t cpusvn[16];
	uint8_t pceid[2];
	uint8_t fmspc[6];
	enum sgx_type type;
	bool has_instance; /* certificates of the Platform CA */
	uint8_t instance[16];
	enum known dynamic;     /* further packages may be added */
	enum known cached_keys; /* Intel keeps the platform's root keys */
	enum known smt;         /* simultaneous multithreading is on */
};
