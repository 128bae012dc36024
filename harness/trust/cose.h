/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "format/bytes.h"

/* Signatures of COSE objects with ES256 (RFC 9053 section 2.1): r || s over bytes that the caller
 * has put together. Keys are PEM. */
#define COSE_SIGNATURE 64

/* -EINVAL: no private key on P-256. */
int cose_sign(const char *key_pem, struct bytes data, uint8_t ret[COSE_SIGNATURE], struct err *e);
/* By a public key or a certificate, which is taken as the key that it holds: no chain is looked at.
 * -EINVAL: neither of them; -EBADMSG: the signature is wrong. */
int cose_verify(const char *key_pem, struct bytes data, const uint8_t signature[COSE_SIGNATURE],
                struct err *e);
