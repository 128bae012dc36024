/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <time.h>

#include "trust/cert.h"
#include "trust/refuse.h"

/*
 * Certificate chains as Intel serves them: PEM, leaf first, self-signed root last. Three
 * certificates for a PCK (leaf, CA, root), two for the key that signs TCB info. Private to this
 * room.
 */
#define CHAIN_PCK     3
#define CHAIN_SIGNING 2
#define CHAIN_MAX     3

struct chain {
	X509 *cert[CHAIN_MAX]; /* leaf first */
	size_t count;
};

/*
 * Issuers' certificates that were read before, by their bytes: parsing one takes as long as three
 * signatures, and nearly all platforms share theirs. Being here says nothing about a certificate.
 */
#define CHAIN_KNOWN 16

struct chain_known {
	struct known_cert {
		uint8_t *der;
		long size;
		X509 *cert;
	} item[CHAIN_KNOWN];
	size_t next; /* the oldest one */
};
void chain_known_done(struct chain_known *k);

/*
 * Reads exactly `count` certificates; `known` may be NULL. -EBADMSG: too few or too many, anything
 * but CERTIFICATE blocks, encryption headers, bytes left over in a block. NULs may end the text.
 */
int chain_read(const void *pem, size_t size, size_t count, struct chain_known *known,
               struct chain *ret, struct err *e);
void chain_done(struct chain *c);

/* Whether something may be relied on at a time: from <= at <= to. */
struct dates dates_both(struct dates a, struct dates b);
bool dates_hold(const struct dates *d, time_t at);
/*
 * -EBADMSG unless they hold: "`what` is not yet valid" with code `expired` + 1, or "`what` has
 * expired" with `expired`; with the date and the time asked for.
 */
int dates_check(const struct dates *d, time_t at, const char *what, enum verdict_code expired,
                struct err *e);
int dates_read(const ASN1_TIME *from, const ASN1_TIME *to, struct dates *ret);

/*
 * Checks every signature (the root's own too), names, CA flags and key usages; the root must be
 * Intel's by its pinned key, or have name and key of `test_root` (may be NULL) and carry the marker
 * extension. Three certificates are a PCK's, two are a TCB signer's, and named so. -EBADMSG else.
 * The time is the caller's to check: `*ret_dates` is what all the certificates leave.
 */
int chain_verify(const struct chain *c, X509 *test_root, enum origin *ret_origin,
                 struct dates *ret_dates, struct err *e);
/* Names the certificate whose date it is. -EBADMSG unless all hold at `at`. */
int chain_check_dates(const struct chain *c, time_t at, struct err *e);

/*
 * Reads the PCK certificate of certification data type 4. Intel's documents do not say in what
 * encoding: PEM text as in type 5, or DER. -EBADMSG: neither, or more than one.
 */
int chain_read_leaf(const void *data, size_t size, X509 **ret, struct err *e);

/* Reads one certificate of PEM text. */
int chain_read_root(const char *pem, X509 **ret, struct err *e);
