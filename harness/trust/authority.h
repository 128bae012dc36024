/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <time.h>

#include "format/quote.h"
#include "trust/ecdsa.h"
#include "trust/sgxext.h"
#include "trust/ssl.h"
#include "trust/trust.h"

/* Certificates of the test authority. issue.c. */
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

/* What stands behind struct authority. Private to this room. */
#define AUTHORITY_QE_AUTH_SIZE 32

struct authority {
	struct identity id[ROLE_COUNT];
	char *root_pem;
	char *pck_pem;        /* leaf, CA, root */
	char *pck_ca_pem;     /* CA, root */
	char *signing_pem;    /* signing certificate, root */
	EVP_PKEY *attest_key; /* of this process: a quote's key outlives no run */
	uint8_t attest_point[ECDSA_RAW_SIZE];
	uint8_t qe_report[QUOTE_BODY_SGX_SIZE];
	uint8_t qe_signature[ECDSA_RAW_SIZE];
	uint8_t qe_auth[AUTHORITY_QE_AUTH_SIZE];
	enum authority_profile profile;
	uint8_t user_data[20]; /* of the quote header: the QE's ID in the first 16 bytes */
};

/* The platform that the PCK leaf, the QE report and the collateral agree on. */
extern const struct pck authority_platform;
#define AUTHORITY_QE_MRSIGNER  "EMULATED: not signed by Intel"  /* <= 32 bytes */
#define AUTHORITY_QE_MRENCLAVE "EMULATED: tception, no enclave" /* <= 32 bytes */
#define AUTHORITY_QE_PRODUCT   2                                /* TD_QE's ISVPRODID */
#define AUTHORITY_QE_SVN       4

/*
 * bundle.c: collateral with other contents than the usual ones, which stand for NULL; JSON is taken
 * over. `revoked` (or NULL) is listed in both CRLs.
 */
struct bundle_contents {
	time_t at;
	json_t *tcb_info, *qe_identity;
	const X509 *revoked;
};
int authority_bundle_of(const struct authority *a, const struct bundle_contents *c, char **ret,
                        struct err *e);

/* quoting.c: makes the attestation key and the QE report that vouches for it. */
int authority_make_qe(struct authority *a, struct err *e);
