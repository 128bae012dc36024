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

/*
 * Checks every signature (the root's own too), names, CA flags and key usages, and that `at` is
 * within each certificate's validity; the root must be Intel's by its pinned key, or equal
 * `test_root` (may be NULL) and carry the marker extension. -EBADMSG else.
 */
int chain_verify(const struct chain *c, X509 *test_root, time_t at, enum origin *ret,
                 struct err *e);

/* Reads one certificate of PEM text. */
int chain_read_root(const char *pem, X509 **ret, struct err *e);

#endif
