/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any file as collateral: with it alone a genuine quote has no status, or the one that Intel's
 * collateral gives it; with that collateral beside it always the latter. So nothing hostile adds
 * anything, and nothing hostile is in the way.
 * Seeds: cases/golden/collateral cases/golden/pieces
 * Runs: 100000
 */
#include "fuzz/golden.h"
#include "trust/verify.h"

#define AT 1770801952

static char *bundle;
static size_t bundle_size;
static struct quote quote;

static void check(struct verifier *v, struct verdict *ret)
{
	struct err e;

	FUZZ_CHECK(verifier_check(v, &quote, AT, ret, &e) == 0);
	FUZZ_CHECK(ret->authentic && ret->origin == ORIGIN_HARDWARE);
}

/* False when the file was refused, and it is not this one's turn to be asked about all the same. */
static bool judge(const uint8_t *data, size_t size, struct verdict *ret)
{
	struct verifier *v;
	struct verdict d;
	struct err e;

	FUZZ_CHECK(verifier_new(NULL, &v, &e) == 0);
	if (size && verifier_add(v, data, size, &e) == 0) {
		check(v, &d);
		FUZZ_CHECK(d.status == TCB_NOT_EVALUATED || d.status == TCB_UP_TO_DATE);
	} else if (size % 16) { /* half of a refused bundle may be there: a few are looked at */
		verifier_free(v);
		return false;
	}
	FUZZ_CHECK(verifier_add(v, bundle, bundle_size, &e) == 0);
	check(v, ret);
	FUZZ_CHECK(ret->status == TCB_UP_TO_DATE);
	verifier_free(v);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct verdict expected;
	struct verdict d;
	size_t n;

	if (!bundle) {
		bundle = fuzz_golden("collateral/60c2bf34.json", &bundle_size);
		FUZZ_CHECK(quote_parse(fuzz_golden("quote/9c3786b9b3d6.bin", &n), n, &quote,
		                       NULL) == FORMAT_OK);
		judge(NULL, 0, &expected);
	}
	FUZZ_CHECK(!judge(data, size, &d) || fuzz_same_verdict(&d, &expected));
	return 0;
}
