/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_TRUST_ISSUE_H
#define TCEPTION_TRUST_ISSUE_H

#include "trust/sgxext.h"
#include "trust/ssl.h"

/* Certificates of the test authority. Private to this room. */
struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

enum authority_role {
	ROLE_ROOT,
	ROLE_PCK_CA,  /* issues PCK certificates */
	ROLE_PCK,     /* the emulated platform's key: signs the QE report */
	ROLE_SIGNING, /* signs TCB info and identities */
	ROLE_COUNT
};

/*
 * Makes a key and its certificate, signed by `issuer` (NULL: by itself); valid from a day ago for
 * 20 years; `pck` (or NULL) becomes the SGX extension. Names and a marker extension say EMULATED.
 */
int issue_identity(enum authority_role role, const struct identity *issuer, const struct pck *pck,
                   struct identity *ret, struct err *e);
void identity_done(struct identity *id);

#endif
