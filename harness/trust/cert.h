/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "trust/ecdsa.h"

/*
 * Single certificates. OpenSSL 3.0 takes 90 of the 100 us of parsing one for turning its public key
 * into an EVP_PKEY, by looking for a decoder; what is read here has none (X509_get0_pubkey() fails)
 * unless it is self-issued, and its key is made of the point in 5 us. Private to this room.
 */

/* NULL when the bytes are no certificate or more than one. Leaves no errors in OpenSSL's queue. */
X509 *cert_parse(const uint8_t *der, long size);
/* Intel's SGX Root CA, which is built in: parsed once in a process, its signature is checked by a
 * test. Others of its key and name are verified like any. NULL without memory. */
X509 *cert_intel_root(void);

/* The public key. -EBADMSG when it is not on P-256. */
int cert_point(const X509 *cert, uint8_t ret[ECDSA_RAW_SIZE], struct err *e);
int cert_key(const X509 *cert, EVP_PKEY **ret, struct err *e);
/* Whether `key`, on P-256, signed the certificate with SHA-256. */
bool cert_signed_by(const X509 *cert, EVP_PKEY *key);
/* Not X509_cmp(), which compares no signatures where it could fetch no digest. */
bool cert_equal(const X509 *a, const X509 *b);
/* Whether one was issued for the other: same name, same public key. */
bool cert_reissued(const X509 *a, const X509 *b);
