/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "trust/pck.h"
#include "trust/trust.h"

/* What a verifier says of a quote. */

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
	TCB_UNKNOWN,             /* Intel says of the level what is not known here */
	TCB_NOT_EVALUATED,       /* no status: JSON null */
	TCB_STATUS_COUNT
};
extern const char *const tcb_status_names[TCB_STATUS_COUNT];

/*
 * Why a quote is no good, for programs: the names (verdict.c) stay what they are, values may move.
 * The groups are in order: what makes a quote unauthentic, what leaves it without a status, and
 * the statuses themselves.
 */
enum verdict_code {
	VERDICT_OK, /* authentic, UpToDate */
	/* not authentic */
	VERDICT_NOT_TDX,
	VERDICT_QUOTE_VERSION,
	VERDICT_KEY_TYPE,
	VERDICT_QE_VENDOR,
	VERDICT_CERTIFICATION, /* certification data that says no PCK certificate */
	VERDICT_TEST_ROOT,     /* the test root given is no certificate */
	VERDICT_PCK_MISSING,   /* the certificate that the quote names */
	VERDICT_PCK_CHAIN_MISSING,
	VERDICT_PCK_CHAIN_MALFORMED,
	VERDICT_PCK_CHAIN_UNTRUSTED, /* ends in another root */
	VERDICT_PCK_CHAIN_INVALID,   /* signatures, CA flags, key usages */
	VERDICT_PCK_CHAIN_NAME,
	VERDICT_PCK_CHAIN_EXPIRED,
	VERDICT_PCK_CHAIN_NOT_YET_VALID,
	VERDICT_PCK_EXTENSION,
	VERDICT_PCK_REVOKED,
	VERDICT_PCK_CA_REVOKED,
	VERDICT_ROOT_REVOKED, /* by itself */
	VERDICT_QE_REPORT_SIGNATURE,
	VERDICT_QE_NOT_FOR_TDS,
	VERDICT_QE_DEBUG,
	VERDICT_QE_BINDING,
	VERDICT_ATTESTATION_KEY,
	VERDICT_QUOTE_SIGNATURE,
	VERDICT_QE_IDENTITY_MISMATCH,
	/* authentic, but no status */
	VERDICT_NO_COLLATERAL, /* none was given: all others of this group say that some was */
	VERDICT_CRL_MISSING,
	VERDICT_CRL_SIGNATURE,
	VERDICT_CRL_ISSUER_CHAIN,
	VERDICT_CRL_ALGORITHM,
	VERDICT_CRL_EXTENSION,
	VERDICT_CRL_EXPIRED,
	VERDICT_CRL_NOT_YET_VALID,
	VERDICT_TCB_INFO_MISSING,
	VERDICT_TCB_INFO_OTHER_PLATFORM,
	VERDICT_TCB_INFO_SIGNATURE,
	VERDICT_TCB_INFO_EXPIRED,
	VERDICT_TCB_INFO_NOT_YET_VALID,
	VERDICT_QE_IDENTITY_MISSING,
	VERDICT_QE_IDENTITY_SIGNATURE,
	VERDICT_QE_IDENTITY_EXPIRED,
	VERDICT_QE_IDENTITY_NOT_YET_VALID,
	VERDICT_TCB_SIGNING_MISSING,
	VERDICT_TCB_SIGNING_UNTRUSTED,
	VERDICT_TCB_SIGNING_OTHER_ROOT, /* than the quote's */
	VERDICT_TCB_SIGNING_INVALID,
	VERDICT_TCB_SIGNING_NAME,
	VERDICT_TCB_SIGNING_EXPIRED,
	VERDICT_TCB_SIGNING_NOT_YET_VALID,
	VERDICT_TCB_SIGNING_REVOKED,
	/* a status: in the order of enum tcb_status */
	VERDICT_SW_HARDENING_NEEDED,
	VERDICT_CONFIGURATION_NEEDED,
	VERDICT_CONFIGURATION_AND_SW_HARDENING_NEEDED,
	VERDICT_OUT_OF_DATE,
	VERDICT_OUT_OF_DATE_CONFIGURATION_NEEDED,
	VERDICT_TD_RELAUNCH_ADVISED,
	VERDICT_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
	VERDICT_REVOKED,
	VERDICT_NOT_SUPPORTED,
	VERDICT_TDX_MODULE_MISMATCH,
	VERDICT_UNKNOWN,
	VERDICT_CODE_COUNT
};
extern const char *const verdict_code_names[VERDICT_CODE_COUNT];

/* Whether a quote with this fault is authentic all the same. */
static inline bool verdict_code_authentic(enum verdict_code code)
{
	return code == VERDICT_OK || code >= VERDICT_NO_COLLATERAL;
}

#define VERDICT_ADVISORIES 192 /* more are impossible: three lists of 64 */
#define VERDICT_ADVISORY   24  /* bytes of one, NUL included */
#define VERDICT_DATE       21  /* "2025-08-13T00:00:00Z" */
#define VERDICT_REASON     480

/* A part of the TCB that falls short of the newest level, and of what. */
enum tcb_part { TCB_PART_MODULE, TCB_PART_QE, TCB_PART_PCE, TCB_PART_TDX, TCB_PART_SGX };
extern const char *const tcb_part_names[5]; /* "tdx_module" ... */
#define TCB_GAPS_MAX 35

struct tcb_gap {
	enum tcb_part part;
	uint8_t index; /* of a TDX or SGX component, from 0; else 0 */
	uint16_t found, needed;
};

/* One evaluation of a TCB. */
struct tcb_result {
	enum tcb_status status; /* of the whole */
	enum tcb_status platform, module, qe;
	char date[VERDICT_DATE]; /* the earliest of platform's, module's and QE's, or "" */
	char advisory[VERDICT_ADVISORIES][VERDICT_ADVISORY]; /* of all three, each once */
	size_t advisories;
	struct tcb_gap gap[TCB_GAPS_MAX]; /* none when UpToDate, or where nothing newer is listed */
	size_t gaps;
};

/* When something was issued and until when it holds; both 0 when there is none. */
struct dates {
	time_t from, to;
};

#define VERDICT_CRL_NUMBER 50 /* a CRL's number in decimal, of at most 20 bytes */

/* The pieces of collateral that a status was found with. */
struct verdict_collateral {
	struct dates tcb_info, qe_identity, root_crl, pck_crl;
	struct dates signing; /* of the TCB Signing certificates: what both leave */
	struct dates chain;   /* of the PCK certificate and its issuers */
	uint32_t tcb_info_evaluation, qe_identity_evaluation; /* tcbEvaluationDataNumber */
	char root_crl_number[VERDICT_CRL_NUMBER], pck_crl_number[VERDICT_CRL_NUMBER]; /* or "" */
	time_t expires;           /* the first of all the above, certificates included; 0 without */
	const char *expires_what; /* which: "tcb_info" ..., or NULL */
};

struct verdict {
	/*
	 * Certificates, revocation, QE report, binding and signature hold, and the QE is Intel's TD
	 * quoting enclave. Of an unauthentic quote only `code`, `reason` and `pck` say anything.
	 */
	bool authentic;
	time_t at;          /* the time that it was judged for */
	enum origin origin; /* ORIGIN_UNKNOWN unless authentic */
	enum verdict_code code;
	char reason[VERDICT_REASON]; /* one line: what was found where, what was expected; or "" */
	char cure[200];              /* what would make the status better, or "" */

	/* TCB_NOT_EVALUATED without usable collateral; else follows from `launch` and `current` */
	enum tcb_status status;
	struct tcb_result launch;  /* by TEE_TCB_SVN: the TCB that the TD was launched on */
	struct tcb_result current; /* by TEE_TCB_SVN2: the platform's now; without one, `launch` */
	uint32_t tcb_evaluation;   /* the smaller of TCB info's and QE identity's, 0 without */
	struct verdict_collateral collateral;

	bool has_pck; /* its certificate was read, and its chain holds but for the time */
	struct pck pck;
};
