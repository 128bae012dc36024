/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <openssl/sha.h>

#include "trust/collateral.h"
#include "trust/ecdsa.h"
#include "trust/sgxext.h"

/*
 * PCK certificates that were verified with their chains, by the digest of the bytes they came in;
 * one forgets another on collision. Private to this room.
 */
#define CERTIFIED_MAX 256

struct certified {
	uint8_t digest[SHA256_DIGEST_LENGTH];
	bool alone;         /* the digest is the leaf's, else the whole chain's */
	struct chain chain; /* leaf, CA, root */
	enum origin origin;
	struct dates dates; /* of all three */
	struct pck pck;
	uint8_t point[CHAIN_PCK][ECDSA_RAW_SIZE]; /* the certificates' keys */
	EVP_PKEY *key;                            /* the leaf's */
};

struct certified_cache {
	struct certified *item[CERTIFIED_MAX];
};
void certified_done(struct certified_cache *cache);

/*
 * Who vouches for the quote's QE: the chain in the quote (type 5); the certificate in the quote
 * (type 4) or the one of the collateral that it names (types 1 to 3), with an issuer chain of the
 * collateral, if there is one that holds at `at`. Verified but for the time and, in types 4 and 5,
 * for what it signed. *ret is owned by the cache, until the next call. -EBADMSG: there is none.
 */
int certified_find(struct certified_cache *cache, struct collateral *collateral, X509 *test_root,
                   const struct quote *q, time_t at, struct certified **ret, struct err *e);
