/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <time.h>

#include "core/err.h"
#include "format/quote.h"
#include "trust/verdict.h"

/*
 * The full evaluation of a TDX quote, offline. Other programs use it through tception/tception.h.
 *
 *   struct verifier *v;
 *   verifier_new(&(struct trust_anchors){0}, &v, &e);
 *   verifier_add(v, bytes, size, &e);           // any number of files of Intel's collateral
 *   quote_parse(data, size, &quote, &offset);
 *   verifier_check(v, &quote, time(NULL), &verdict, &e);
 *   verifier_free(v);
 *
 * Nothing here opens a file, uses the network, reads the clock or prints. A verifier remembers
 * certificate chains and collateral that it has verified, so the second quote of a platform costs
 * two ECDSA verifications; it may be used by one thread at a time.
 */

struct verifier;

/* -EBADMSG when the test root is no certificate. */
int verifier_new(const struct trust_anchors *anchors, struct verifier **ret, struct err *e);
void verifier_free(struct verifier *v); /* NULL is fine */
void verifier_freep(struct verifier **v);

/*
 * Adds one file of collateral, recognised by its content:
 * - what Intel's PCS serves: TCB info or QE identity as JSON, alone or below the HTTP headers that
 *   carry the issuer chain (`curl -i`, also with a proxy's or a redirect's headers before them);
 *   CRLs in DER, PEM, hexadecimal or base64; issuer chains in PEM; certificates in DER;
 * - bundles: one JSON object with the keys tcb_info, tcb_info_signature, tcb_info_issuer_chain,
 *   qe_identity, qe_identity_signature, qe_identity_issuer_chain, root_ca_crl, pck_crl,
 *   pck_crl_issuer_chain (texts; CRLs in PEM or, like signatures, in hexadecimal, base64 or as
 *   numbers; CRLs may be left to other files) and, as PEM or null, pck_certificate_chain;
 * - platform_collaterals.json of Intel's PCCS administration tool.
 * A quote that does not carry its PCK certificate (certification data of types 1 to 3) or that
 * carries it without the chain (type 4) is verified with the certificates given here.
 * What is for SGX only is accepted and left alone. -EBADMSG: the bytes are nothing of the kind,
 * or give nothing.
 * Signatures are checked when a quote needs them; nothing added can make another thing valid.
 */
int verifier_add(struct verifier *v, const void *data, size_t size, struct err *e);

/* What is known before anything was: NotEvaluated, origin unknown. */
void verdict_init(struct verdict *v);

/*
 * Intel keeps several evaluations of TCB info and QE identity valid side by side: after a TCB
 * recovery the "early" set counts it at once, the "standard" one a year later. Where more than one
 * was added that holds, this says which decides; the number is of SET_NUMBER.
 */
enum verifier_set {
	SET_EARLY,    /* the highest tcbEvaluationDataNumber: the stricter, unless said otherwise */
	SET_STANDARD, /* the lowest */
	SET_NUMBER,   /* this one and no other */
};
void verifier_choose(struct verifier *v, enum verifier_set set, uint32_t number);

/* Always fills *ret; returns 0 unless memory ran out. */
int verifier_check(struct verifier *v, const struct quote *quote, time_t at, struct verdict *ret,
                   struct err *e);
