/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_TRUST_POLICY_H
#define TCEPTION_TRUST_POLICY_H

#include "trust/verify.h"

/*
 * What somebody wants of an authentic quote. A policy never makes a quote more or less authentic:
 * it says whether it is accepted, and by which checks not.
 *
 * A policy file is a JSON object; every key is optional, an unknown one is an error:
 *   "accepted_statuses": ["UpToDate", ...]      default: UpToDate alone; "NotEvaluated" stands for
 *                                               a quote that was checked without collateral, never
 *                                               for collateral that failed
 *   "accepted_origins": ["hardware", ...]       default: hardware and emulated (which takes a test
 *                                               root that the caller named)
 *   "allow_debug": false                        TD attribute DEBUG
 *   "require_sept_ve_disable": false            TD attribute SEPT_VE_DISABLE
 *   "allow_service_td": false                   a TD that another one has a hand in (MRSERVICETD or
 *                                               a service TD's hash is not zero): it is not
 *                                               measured whole; a "mrservicetd" allows it too
 *   "min_tcb_evaluation": 0                     tcbEvaluationDataNumber of TCB info and QE identity
 *   "tcb_update": "early"                       which set of collateral decides where both are
 *                                               given: "early" or "standard" (policy_choose())
 *   "tcb_evaluation": 18                        instead: the set of this number and no other
 *   "refused_advisories": ["INTEL-SA-01245"]    none of these may apply, at launch or now
 *   "mrtd", "rtmr0" ... "rtmr3", "report_data", "mrseam", "mrsignerseam", "mrconfigid", "mrowner",
 *   "mrownerconfig", "mrservicetd":             one value, or an array of which one must match, in
 *                                               hexadecimal of the register's length
 */
struct policy;

#define POLICY_CHECKS_MAX 24
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
void policy_free(struct policy *p);
void policy_freep(struct policy **p);

/* Tells a verifier which set of collateral decides; before the first quote. */
void policy_choose(const struct policy *p, struct verifier *v);

void policy_apply(const struct policy *p, const struct quote *q, const struct verdict *v,
                  struct policy_result *ret);

#endif
