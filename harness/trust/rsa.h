/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "format/bytes.h"
#include "trust/ssl.h"

/* RSA signatures with SHA-256 of clouds: vTPMs sign by PKCS #1 v1.5, Google's endorsements by PSS.
 * Private to this room. */

/* A public key of big-endian modulus and exponent. NULL: not one of 2048 to 8192 bits. */
EVP_PKEY *rsa_key(struct bytes modulus, struct bytes exponent);
bool rsa_verify(EVP_PKEY *key, bool pss, struct bytes message, struct bytes signature);

/*
 * Whether `leaf` (DER, or PEM) chains by `more` (PEM certificates, may be empty) to one of `roots`
 * (PEM) at a time. Its key is *ret_key, given back on failure too where there is one; `why` says
 * what is wrong.
 */
bool rsa_chain(struct bytes leaf, struct bytes more, struct bytes roots, time_t at,
               EVP_PKEY **ret_key, char *why, size_t why_size);
