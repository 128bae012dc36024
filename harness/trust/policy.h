/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "trust/verify.h"

/*
 * What somebody wants of an authentic quote. A policy never makes a quote more or less authentic:
 * it says whether it is accepted, and by which checks not.
 *
 * A policy file is a JSON object; every key is optional, an unknown one is an error that names its
 * line and what is accepted. A check that needs what is not known of a quote fails.
 *
 * The TCB:
 *   "accepted_statuses": ["UpToDate", ...]      default: UpToDate alone; "NotEvaluated" stands for
 *                                               a quote that was checked without collateral, never
 *                                               for collateral that failed
 *   "current_status": ["UpToDate", ...]         of the platform's TCB now (TEE_TCB_SVN2); default:
 *                                               any that leaves an accepted status
 *   "min_tcb_date": "2025-08-13"                the TCB's date, at launch and now; also with a time
 *   "grace_days": 90                            a status that is out of date (OutOfDate,
 *                                               TDRelaunchAdvised and both ...ConfigurationNeeded),
 *                                               once it is accepted, is for so many days after the
 *                                               TCB's date, the earlier of launch and now
 *   "max_collateral_age_days": 30               TCB info, QE identity and the PCK CRL were issued at
 *                                               most so many days before the time of judging (the
 *                                               root CA's CRL is issued once a year)
 *   "min_tcb_evaluation": 0                     tcbEvaluationDataNumber of TCB info and QE identity
 *   "tcb_update": "early"                       which set of collateral decides where both are
 *                                               given: "early" or "standard" (policy_choose())
 *   "tcb_evaluation": 18                        instead: the set of this number and no other
 *   "refused_advisories": ["INTEL-SA-01245"]    none of these may apply, at launch or now
 *   "min_tee_tcb_svn": "0b01..."                each of the 16 bytes of TEE_TCB_SVN at least this
 *   "min_qe_svn": 0, "min_pce_svn": 0           ISVSVN of the QE's report; PCESVN of the PCK
 *                                               certificate
 *
 * The platform:
 *   "accepted_origins": ["hardware", ...]       default: hardware and emulated (which takes a test
 *                                               root that the caller named)
 *   "fmspc", "platform_instance_id"             of the PCK certificate: as registers below
 *
 * The TD:
 *   "allow_debug": false                        TD attribute DEBUG
 *   "require_sept_ve_disable": false            TD attribute SEPT_VE_DISABLE
 *   "refuse_reserved_bits": false               bits of TD attributes or XFAM that have no name
 *                                               (format/tdx.h)
 *   "td_attributes", "xfam":                    "0x0000000010000000", the whole value as `quote
 *                                               parse` prints it, or {"mask": "0x...", "value":
 *                                               "0x..."}: the bits of the mask have that value
 *   "allow_service_td": false                   a TD that another one has a hand in (MRSERVICETD or
 *                                               a service TD's hash is not zero): it is not
 *                                               measured whole; a "mrservicetd" allows it too
 *   "vmid": 0                                   who within the TD asked for the quote, where TD
 *                                               partitioning says so: 0, the TD itself, or one of
 *                                               the VMs 1 to 3 in it; one number, or an array
 *   "mrtd", "rtmr0" ... "rtmr3", "report_data", "mrseam", "mrsignerseam", "mrconfigid", "mrowner",
 *   "mrownerconfig", "mrservicetd":             one value, or an array of which one must match, in
 *                                               hexadecimal of the register's length
 *   "images": [{"name": "A", "mrtd": "...", "rtmr1": ["...", "..."]}, ...]
 *                                               one of them must match in all its registers (those
 *                                               of the TD): MRTD of one with RTMRs of another is
 *                                               no match
 */
struct policy;

#define POLICY_CHECKS_MAX 64
#define POLICY_WHY        320

struct policy_result {
	bool accepted; /* authentic, and every check passed */
	struct policy_check {
		const char *name; /* the key's, or "authentic" */
		bool ok;
		char why[POLICY_WHY]; /* unless ok: what was found, and what was expected */
	} check[POLICY_CHECKS_MAX];
	size_t checks;
};

/* NULL text gives the default policy. -EINVAL: what is wrong with the text. */
int policy_read(const void *text, size_t size, struct policy **ret, struct err *e);
/*
 * Beside what it says: the register `name` ("mrtd") must be `hex`, or another that was required of
 * it. -EINVAL: no such register, or not of its length.
 */
int policy_require(struct policy *p, const char *name, const char *hex, struct err *e);
void policy_free(struct policy *p);
void policy_freep(struct policy **p);

/* Tells a verifier which set of collateral decides; before the first quote. */
void policy_choose(const struct policy *p, struct verifier *v);

void policy_apply(const struct policy *p, const struct quote *q, const struct verdict *v,
                  struct policy_result *ret);
