/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_TRUST_VERIFY_H
#define TCEPTION_TRUST_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "core/err.h"
#include "format/quote.h"
#include "trust/trust.h"

/*
 * The full evaluation of a TDX quote, offline. With format/quote.h this is the library to verify
 * quotes with elsewhere: see harness/example/verify.c.
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

/* Intel's names, in order: "UpToDate" ... */
enum tcb_status {
	TCB_UP_TO_DATE,
	TCB_SW_HARDENING_NEEDED,
	TCB_CONFIGURATION_NEEDED,
	TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
	TCB_OUT_OF_DATE,
	TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
	TCB_TD_RELAUNCH_ADVISED,
	TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
	TCB_REVOKED,
	TCB_NOT_SUPPORTED,       /* below every level that Intel lists */
	TCB_TDX_MODULE_MISMATCH, /* not a TDX module that Intel lists */
	TCB_NOT_EVALUATED,       /* no status: JSON null */
	TCB_STATUS_COUNT
};
extern const char *const tcb_status_names[TCB_STATUS_COUNT];

#define VERDICT_ADVISORIES 192 /* more are impossible: three lists of 64 */
#define VERDICT_ADVISORY   24  /* bytes of one, NUL included */

struct verdict {
	/*
	 * Certificates, revocation, QE report, binding and signature hold, and the QE is Intel's TD
	 * quoting enclave. Nothing below is about an unauthentic quote but `reason`.
	 */
	bool authentic;
	enum origin origin; /* ORIGIN_UNKNOWN unless authentic */
	char reason[200];   /* why not authentic, or why there is no status; else "" */

	enum tcb_status status;   /* TCB_NOT_EVALUATED without usable collateral */
	enum tcb_status platform; /* of the platform's TCB level alone */
	enum tcb_status module;   /* of the TDX module alone */
	enum tcb_status qe;       /* of the quoting enclave alone */
	char tcb_date[21];        /* of the platform's TCB level, "2025-08-13T00:00:00Z", or "" */
	uint32_t tcb_evaluation;  /* tcbEvaluationDataNumber of the TCB info, 0 without */
	char advisory[VERDICT_ADVISORIES][VERDICT_ADVISORY]; /* of all three, each once */
	size_t advisories;

	uint8_t fmspc[6]; /* of the platform; zero when its certificate was not read */
};

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

/* Always fills *ret; returns 0 unless memory ran out. */
int verifier_check(struct verifier *v, const struct quote *quote, time_t at, struct verdict *ret,
                   struct err *e);

#endif
