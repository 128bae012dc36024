/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "core/err.h"
#include "format/quote.h"
#include "format/tdreport.h"

/* Where a quote comes from. Names: "none", "unknown", "emulated", "hardware". */
enum origin { ORIGIN_NONE, ORIGIN_UNKNOWN, ORIGIN_EMULATED, ORIGIN_HARDWARE };
extern const char *const origin_names[4];

/*
 * What a quote's certificate chain may end in. Intel's SGX Root CA key is built in and is the only
 * one that can ever give ORIGIN_HARDWARE. A test root (of this install, or taken from a run's
 * folder) gives ORIGIN_EMULATED, and only when it carries the marker extension.
 */
struct trust_anchors {
	const char *test_root_pem; /* or NULL */
};

struct trust_verdict {
	bool authentic; /* signatures and chain hold at the given time */
	enum origin origin;
	char reason[200]; /* why it is not authentic, else "" */
};

/*
 * Checks the chain (leaf, intermediate, root; notBefore and notAfter at `at`), the QE report's
 * signature by the leaf, the binding of the attestation key in it, and the quote's signature by
 * that key. Always fills *ret; the return value is 0 unless memory ran out.
 */
int trust_check_quote(const struct quote *quote, const struct trust_anchors *anchors, time_t at,
                      struct trust_verdict *ret, struct err *e);

/* -EBADMSG unless it is a private key on P-256, in PEM and without a password. */
int trust_check_signing_key(const char *pem, struct err *e);

/*
 * The per-install test authority behind the emulated platform: root (with the marker extension),
 * PCK CA and PCK leaf with Intel's SGX extension, all issued with names that say "EMULATED". Keys
 * are in one 0600 file in `dir` (0700; made when absent, as is the file; processes that start at
 * once end up with the same). -EPERM when others may open the file.
 */
struct authority;
int authority_open(const char *dir, struct authority **ret, struct err *e);
void authority_free(struct authority *a); /* NULL is fine */
void authority_freep(struct authority **a);
/* `$XDG_STATE_HOME/tception`, or ~/.local/state/tception. Caller frees. */
int authority_default_dir(char **ret, struct err *e);
/* The root certificate; owned by `a`. */
const char *authority_root_pem(const struct authority *a);
/*
 * Signs a quote of `version` (4 or 5) for a report whose MAC the caller has checked. -EINVAL unless
 * its MRSEAM and MRSIGNERSEAM say that it is emulated. Caller frees *ret.
 */
int authority_quote(struct authority *a, const struct tdreport *report, uint16_t version,
                    uint8_t **ret, size_t *ret_size, struct err *e);

/*
 * What the collateral says of the emulated platform, which stays as it is: profile.c. Names as the
 * TCB's statuses; "PCKRevoked": by the CRL; "Expired": collateral of two months ago;
 * "TDRelaunchAdvised": of a TD whose module was updated meanwhile (TDXEMU_FLAG_UPDATED), by quotes
 * of version 5.
 */
enum authority_profile {
	PROFILE_UP_TO_DATE, /* the usual one */
	PROFILE_SW_HARDENING_NEEDED,
	PROFILE_CONFIGURATION_NEEDED,
	PROFILE_CONFIGURATION_AND_SW_HARDENING_NEEDED,
	PROFILE_OUT_OF_DATE,
	PROFILE_OUT_OF_DATE_CONFIGURATION_NEEDED,
	PROFILE_REVOKED,
	PROFILE_PCK_REVOKED,
	PROFILE_EXPIRED,
	PROFILE_TD_RELAUNCH_ADVISED,
	PROFILE_COUNT
};
extern const char *const authority_profile_names[PROFILE_COUNT];
void authority_set_profile(struct authority *a, enum authority_profile profile);
enum authority_profile authority_profile(const struct authority *a);

/*
 * The collateral for its quotes, issued at `at` for 30 days, as one bundle (see trust/verify.h).
 * Caller frees *ret.
 */
int authority_bundle(const struct authority *a, time_t at, char **ret, struct err *e);
/*
 * Which evaluation numbers there are, as Intel's PCS serves them (tcbevaluationdatanumbers): one.
 * Caller frees *ret.
 */
#define AUTHORITY_EVALUATION 1
int authority_evaluations(const struct authority *a, time_t at, char **ret, struct err *e);
/* FMSPC of the emulated platform, six bytes. */
const uint8_t *authority_fmspc(void);
/* What its quoting enclave says of itself and of the platform. */
struct authority_platform_info {
	uint16_t qe_svn, pce_svn;
	uint8_t qe_id[16], cpusvn[16];
};
void authority_platform_info(const struct authority *a, struct authority_platform_info *ret);
