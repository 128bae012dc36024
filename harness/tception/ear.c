/* SPDX-License-Identifier: Apache-2.0 */
#include "tception/ear.h"

#include <stdio.h>
#include <string.h>

#include "core/version.h"
#include "format/tdx.h"
#include "tception/fields.h"

/* AR4SI's values: what of a claim's tier applies here. */
enum {
	NO_CLAIM = 0,
	GENUINE = 2,       /* affirming: recognized, as approved */
	BOOT_APPROVED = 3, /* affirming: what was loaded while booting; nothing is said of later */
	VULNERABLE = 32,   /* warning: genuine, with known vulnerabilities */
	UNRECOGNIZED = 33, /* warning: executables that nobody approved */
	REFUSED = 96,      /* contraindicated */
	NOT_GENUINE = 97,  /* contraindicated: hardware that should be known, and is not */
	FORGED = 99,       /* contraindicated: cryptographic validation failed */
};

static int hardware(const struct verdict *v)
{
	static const int of_status[TCB_STATUS_COUNT] = {
	        [TCB_UP_TO_DATE] = GENUINE,
	        [TCB_SW_HARDENING_NEEDED] = VULNERABLE,
	        [TCB_CONFIGURATION_NEEDED] = VULNERABLE,
	        [TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = VULNERABLE,
	        [TCB_OUT_OF_DATE] = VULNERABLE,
	        [TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = VULNERABLE,
	        [TCB_TD_RELAUNCH_ADVISED] = VULNERABLE,
	        [TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = VULNERABLE,
	        [TCB_REVOKED] = REFUSED,
	        [TCB_NOT_SUPPORTED] = NOT_GENUINE,
	        [TCB_TDX_MODULE_MISMATCH] = NOT_GENUINE,
	        [TCB_UNKNOWN] = NOT_GENUINE,
	        [TCB_NOT_EVALUATED] = NO_CLAIM,
	};

	if (!v->authentic)
		return FORGED;
	return v->origin == ORIGIN_HARDWARE ? of_status[v->status] : NOT_GENUINE;
}

/* Whether the policy named registers of what was booted, and those are the quote's. */
static int executables(const struct policy_result *p)
{
	static const char *const names[] = {"mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "images"};
	int value = NO_CLAIM;

	for (size_t i = 0; i < p->checks; i++) {
		for (size_t k = 0; k < COUNT_OF(names); k++) {
			if (strcmp(p->check[i].name, names[k]) != 0)
				continue;
			if (!p->check[i].ok)
				return UNRECOGNIZED;
			value = BOOT_APPROVED;
		}
	}
	return value;
}

/* No claim is left out. */
static json_t *vector(const struct answer *a, int *ret_worst)
{
	const struct verdict *v = &a->v;
	const struct {
		const char *name;
		int value;
	} claims[] = {
	        {"instance-identity", !v->authentic                    ? FORGED
	                              : v->status != TCB_NOT_EVALUATED ? GENUINE
	                                                               : NO_CLAIM},
	        {"hardware", hardware(v)},
	        {"executables", v->authentic ? executables(&a->policy) : FORGED},
	        {"configuration", !v->authentic                              ? FORGED
	                          : a->quote->td.attributes & TDX_ATTR_DEBUG ? REFUSED
	                                                                     : NO_CLAIM},
	};
	json_t *o = json_object();

	*ret_worst = NO_CLAIM;
	for (size_t i = 0; i < COUNT_OF(claims); i++) {
		if (claims[i].value != NO_CLAIM)
			json_object_set_new(o, claims[i].name, json_integer(claims[i].value));
		if (claims[i].value > *ret_worst)
			*ret_worst = claims[i].value;
	}
	return o;
}

/* No better than the worst claim, and nothing that the policy refuses. */
static const char *tier(const struct answer *a, int worst)
{
	if (!a->policy.accepted || worst >= REFUSED)
		return "contraindicated";
	if (a->v.status == TCB_NOT_EVALUATED)
		return "none";
	return worst >= VULNERABLE ? "warning" : "affirming";
}

/* What the quote says, of an authentic one alone. */
static json_t *attester_claims(const struct answer *a)
{
	bool debug = a->quote->td.attributes & TDX_ATTR_DEBUG;
	json_t *o = a->v.authentic ? quote_td_json(a->quote) : NULL;

	if (o) /* RFC 9711, 4.2.9: a TD's attributes are fixed before it runs */
		json_object_set_new(o, "dbgstat",
		                    json_string(debug ? "enabled" : "disabled-since-boot"));
	return o;
}

/* What `quote verify --json` says beside that. */
static json_t *verifier_claims(const struct answer *a)
{
	json_t *o = answer_json(a);

	json_object_del(o, "measurements");
	json_object_set_new(o, "emulated", json_boolean(a->v.origin == ORIGIN_EMULATED));
	return o;
}

static json_t *appraisal(const struct answer *a, const char *policy)
{
	int worst;
	json_t *trust = vector(a, &worst);
	json_t *o = json_pack("{ss, so, so*, so}", "ear_status", tier(a, worst),
	                      "ear_trustworthiness_vector", trust, "ear_attester_claims",
	                      attester_claims(a), "ear_verifier_claims", verifier_claims(a));

	if (policy)
		json_object_set_new(o, "ear_appraisal_policy_ids", json_pack("[s]", policy));
	return o;
}

json_t *answer_ear(const struct answer *a, const char *policy, time_t issued)
{
	bool emulated = a->v.origin == ORIGIN_EMULATED;
	json_t *o;

	if (!a->quote)
		return NULL;
	o = json_pack("{ss, sI, s{ss, ss}, s{so}}", "eat_profile", EAR_PROFILE, "iat",
	              (json_int_t)issued, "ear_verifier_id", "developer", "tception", "build",
	              "tception " TCEPTION_VERSION, "submods", emulated ? "emulated-tdx" : "tdx",
	              appraisal(a, policy));
	if (o && a->v.collateral.expires_what)
		json_object_set_new(o, "exp", json_integer(a->v.collateral.expires));
	return o;
}
