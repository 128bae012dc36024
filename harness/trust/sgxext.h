/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_TRUST_SGXEXT_H
#define TCEPTION_TRUST_SGXEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "trust/ssl.h"

/*
 * The SGX extension of a PCK certificate: which platform, at which TCB, its key belongs to. Intel
 * "SGX PCK Certificate and Certificate Revocation List Profile Specification", section "SGX
 * Extensions". Private to this room.
 */
#define SGXEXT_OID "1.2.840.113741.1.13.1"

struct pck {
	uint8_t ppid[16];
	uint8_t component[16]; /* SVNs of the TCB components */
	uint16_t pcesvn;
	uint8_t cpusvn[16];
	uint8_t pceid[2];
	uint8_t fmspc[6];
};

/* -EBADMSG when the extension is absent, holds anything twice, or lacks one of the above. */
int sgxext_read(const X509 *cert, struct pck *ret, struct err *e);
int sgxext_add(X509 *cert, const struct pck *pck, struct err *e);

#endif
