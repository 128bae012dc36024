/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "trust/pck.h"
#include "trust/ssl.h"

/* The SGX extension of a PCK certificate, read and written. Private to this room. */
#define SGXEXT_OID "1.2.840.113741.1.13.1"

/* -EBADMSG when the extension is absent, holds anything twice, or lacks what all have. */
int sgxext_read(const X509 *cert, struct pck *ret, struct err *e);
int sgxext_add(X509 *cert, const struct pck *pck, struct err *e);
