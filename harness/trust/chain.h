/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_TRUST_CHAIN_H
#define TCEPTION_TRUST_CHAIN_H

#include <time.h>

#include "trust/ssl.h"
#include "trust/trust.h"

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
 * Reads exactly `count` certificates. -EBADMSG: too few or too many, anything but CERTIFICATE
 * blocks, encryption headers, bytes left over in a block. One NUL may end the text.
 */
int chain_read(const void *pem, size_t size, size_t count, struct chain *ret, struct err *e);
void chain_done(struct chain *c);

/* When something may be relied on: from <= t <= to. */
struct validity {
	time_t from, to;
};
struct validity validity_both(struct validity a, struct validity b);
/* -EBADMSG: "`what` is not yet valid" or "`what` has expired". */
int validity_check(const struct validity *v, time_t at, const char *what, struct err *e);
int validity_read(const ASN1_TIME *from, const ASN1_TIME *to, struct validity *ret);

/*
 * Checks every signature (the root's own too), names, CA flags and key usages; the root must be
 * Intel's by its pinned key, or equal `test_root` (may be NULL) and carry the marker extension.
 * -EBADMSG else. The time is the caller's to check: `*ret_validity` is all the certificates'.
 */
int chain_verify(const struct chain *c, X509 *test_root, enum origin *ret_origin,
                 struct validity *ret_validity, struct err *e);

/* Reads one certificate of PEM text. */
int chain_read_root(const char *pem, X509 **ret, struct err *e);

#endif
