/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies: whatever is read applies, and never accepts a quote that is not authentic.
 * Seeds: cases/golden/pieces/policy
 */
#include "fuzz/golden.h"
#include "trust/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct quote quote;
	static struct verdict v = {.launch = {.advisories = 1,
	                                      .advisory = {"INTEL-SA-01245"},
	                                      .date = "2024-11-13T00:00:00Z"},
	                           .current = {.date = "2025-08-13T00:00:00Z"},
	                           .at = 1770801952,
	                           .pck = {.pcesvn = 11}};
	struct policy_result r;
	struct policy *p;
	struct err e;
	size_t n;

	if (!quote.version)
		FUZZ_CHECK(quote_parse(fuzz_golden("quote/9c3786b9b3d6.bin", &n), n, &quote,
		                       NULL) == FORMAT_OK);
	if (policy_read(data, size, &p, &e) < 0)
		return 0;
	for (int authentic = 0; authentic < 2; authentic++) {
		bool all = true;

		v.collateral.expires_what = authentic ? "tcb_info" : NULL;
		v.authentic = v.has_pck = authentic;
		v.origin = authentic ? ORIGIN_HARDWARE : ORIGIN_UNKNOWN;
		v.status = authentic ? TCB_OUT_OF_DATE : TCB_NOT_EVALUATED;
		policy_apply(p, &quote, &v, &r);
		FUZZ_CHECK(r.checks >= 4 && r.checks <= POLICY_CHECKS_MAX);
		for (size_t i = 0; i < r.checks; i++)
			all &= r.check[i].ok;
		FUZZ_CHECK(r.accepted == all && (v.authentic || !r.accepted));
	}
	policy_free(p);
	return 0;
}
