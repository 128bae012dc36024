/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "trust/chain.h"
#include "trust/contents.h"
#include "trust/tcb.h"

/*
 * Everything that a verifier was given: signed JSON, CRLs, certificates. Nothing is believed when
 * it is added. What is needed is verified to the root that the quote's own chain ends in, and what
 * was found is remembered. Private to this room.
 */
#define COLLATERAL_MAX 512 /* of each kind */

enum signed_kind { SIGNED_TCB_INFO, SIGNED_QE_IDENTITY };

#define SIGNERS_MAX 4 /* certificates of one key: Intel has issued its signer's twice */

struct signer {
	X509 *cert;
	struct dates dates; /* its own and its root's */
};

struct signed_item {
	enum signed_kind kind;
	char *raw; /* the bytes that the signature covers */
	size_t raw_size;
	uint8_t signature[64];
	json_t *json; /* owns the advisories' texts */
	union {
		struct tcb_info tcb;
		struct qe_identity qe;
	};
	struct chain chain; /* the issuer chain that came with it, or count 0 */
	/* what is known of its signature */
	enum origin origin;                /* what it is verified to; ORIGIN_NONE until then */
	struct signer signer[SIGNERS_MAX]; /* certificates here that it is verified by */
	size_t signers;
	const X509
	        *not_by[SIGNERS_MAX]; /* the last of the certificates here that did not sign it */
	size_t nots;
	size_t tried;          /* how many certificates there were when all had been tried */
	enum origin tried_for; /* and to which root */
	struct err tried_why;  /* the most that was found against those that do not fit */
};

struct crl {
	X509_CRL *crl;
	struct chain issuer;      /* the issuer chain that came with it, or count 0 */
	enum known issuer_signed; /* whether its root's key signed both of it */
	struct dates dates;
	char number[VERDICT_CRL_NUMBER]; /* decimal, or "" */
	bool verified;
	uint8_t verified_by[64]; /* then: the public key that signed it */
	bool refused;
	uint8_t refused_by[64]; /* then: one that did not */
};

struct collateral {
	struct signed_item *item[COLLATERAL_MAX];
	size_t items;
	struct crl *crl[COLLATERAL_MAX];
	size_t crls;
	struct { /* what is for SGX only, to be told of; no more than fit */
		enum signed_kind kind;
		json_t *json;
	} other[COLLATERAL_MAX];
	size_t others;
	X509 *pool[COLLATERAL_MAX]; /* certificates that came alone */
	size_t pooled;
	enum verifier_set set;
	uint32_t evaluation; /* of SET_NUMBER */
	bool given;          /* something other than certificates, whether it was of use or not */
	struct chain_known known;
	struct {
		struct chain chain; /* count 0: none yet */
		enum origin origin;
		struct dates dates;
	} signing; /* the last chain that was verified: TCB info and QE identity share it */
};

/* collateral_add.c: what verifier_add() promises. */
int collateral_add(struct collateral *c, const void *data, size_t size, struct err *e);
void collateral_done(struct collateral *c);

/* contents.c: what verifier_contents() promises. */
int collateral_contents(const struct collateral *all, content_fn f, void *context, struct err *e);

/* A verified chain, as the following need it. */
struct anchor {
	enum origin origin;
	X509 *root;
	const uint8_t *root_point; /* its public key */
	X509 *test_root;           /* or NULL */
};

/* What a status rests on. */
struct found_item {
	const struct signed_item *item;
	const struct signer *signer;
};

/* The newest item that holds at `at`. -EBADMSG: why there is none. */
int collateral_tcb_info(struct collateral *c, const struct anchor *a, const struct pck *pck,
                        time_t at, struct found_item *ret, struct err *e);
int collateral_qe_identity(struct collateral *c, const struct anchor *a, time_t at,
                           struct found_item *ret, struct err *e);

/*
 * collateral_crl.c: asks all CRLs of `issuer`, whose public key is `point`, about `cert`. -EBADMSG
 * with the code `revoked` when one lists it, be it expired or not yet valid; with another when none
 * holds at `at`. *ret_crl (may be NULL) is the newest that holds.
 */
int collateral_revoked(struct collateral *c, X509 *cert, X509 *issuer, const uint8_t point[64],
                       const struct anchor *a, time_t at, enum verdict_code revoked,
                       const struct crl **ret_crl, struct err *e);
