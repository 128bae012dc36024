/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "trust/verify.h"

/*
 * What a verifier was given, as the pieces say themselves: no signature is checked here, and no
 * date. What is for SGX only is listed, too.
 */
enum content_kind {
	CONTENT_TCB_INFO,
	CONTENT_QE_IDENTITY,
	CONTENT_CRL,
	CONTENT_CERTIFICATE, /* each once, however many files have it */
	CONTENT_KINDS
};
extern const char *const content_kind_names[CONTENT_KINDS]; /* "tcb_info" ... */

#define CONTENT_NAME   80
#define CONTENT_SERIAL 43

struct content_cert {
	char name[CONTENT_NAME];     /* common name, escaped */
	char serial[CONTENT_SERIAL]; /* hexadecimal */
	struct dates dates;          /* notBefore, notAfter; 0 when unreadable */
};

struct content {
	enum content_kind kind;
	bool tdx;            /* TCB info, identity: else SGX */
	const char *id;      /* these: as it stands there, of our own words: "TDX", "TD_QE" ... */
	bool has_fmspc;      /* TCB info */
	uint8_t fmspc[6];    /* as in a PCK certificate */
	uint32_t evaluation; /* tcbEvaluationDataNumber, 0 without */
	struct dates dates;  /* issue and next update; of a CRL, too; of a certificate its own */
	char name[CONTENT_NAME];         /* a CRL's issuer, escaped */
	char number[VERDICT_CRL_NUMBER]; /* a CRL's, or "" */
	bool has_signer;                 /* TCB info, identity, CRL: an issuer chain came with it */
	struct content_cert signer;      /* its first certificate; or the certificate itself */
};

/* Calls `f` for each piece, by kind in the order of the enumeration, until one fails. */
typedef int (*content_fn)(void *context, const struct content *c, struct err *e);
int verifier_contents(const struct verifier *v, content_fn f, void *context, struct err *e);
