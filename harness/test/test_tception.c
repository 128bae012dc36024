/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "tception/ear.h"
#include "tception/tception.h"
#include "test/golden.h"
#include "test/tests.h"

/* What a caller in C can do wrong; the answers themselves are in cases/test_library.py. */

#define AT INT64_C(1770801952) /* 2026-02-11T09:25:52Z */

static struct tception_verifier *verifier;
static struct golden quote;

static void setup(void)
{
	quote = golden_read("quote/9c3786b9b3d6.bin");
	ck_assert_int_eq(tception_verifier_new(NULL, &verifier, NULL), 0);
}

static void teardown(void)
{
	tception_verifier_free(verifier);
	golden_done(&quote);
}

TEST(accepted)
{
	struct golden bundle = golden_read("collateral/60c2bf34.json");
	struct tception_answer *a;

	ck_assert_int_eq(tception_verifier_add(verifier, bundle.data, bundle.size, NULL), 0);
	golden_done(&bundle);
	ck_assert_int_eq(tception_verify(verifier, quote.data, quote.size, "q", AT, &a, NULL), 0);
	ck_assert_int_eq(a->accepted, 1);
	ck_assert_int_eq(a->authentic, 1);
	ck_assert_str_eq(a->origin, "hardware");
	ck_assert_str_eq(a->status, "UpToDate");
	ck_assert_ptr_null(a->reason_code);
	ck_assert_str_eq(a->reason, "");
	ck_assert_ptr_nonnull(strstr(a->json, "\"file\":\"q\""));
	tception_answer_free(a);
}

/* As a token's claims, with and without collateral, forged, and of what is no quote. */
TEST(ear)
{
	static const char *const tiers[] = {"affirming", "contraindicated", "contraindicated"};
	struct golden bundle = golden_read("collateral/60c2bf34.json");
	struct policy *p;
	struct err e;

	ck_assert_int_eq(policy_read(NULL, 0, &p, &e), 0);
	for (size_t i = 0; i < 4; i++) {
		struct answer a = {.name = "q"};
		struct verifier *v;
		json_t *claims, *tdx;

		ck_assert_int_eq(verifier_new(NULL, &v, &e), 0);
		if (i != 1)
			ck_assert_int_eq(verifier_add(v, bundle.data, bundle.size, &e), 0);
		quote.data[200] ^= i == 2;
		ck_assert_int_eq(
		        answer_judge(&a, v, p, quote.data, i == 3 ? 99 : quote.size, AT, &e), 0);
		claims = answer_ear(&a, "ni:///sha-256;x", AT + 1);
		ck_assert_int_eq(claims == NULL, i == 3);
		tdx = json_object_get(json_object_get(claims, "submods"), "tdx");
		if (claims)
			ck_assert_str_eq(json_string_value(json_object_get(tdx, "ear_status")),
			                 tiers[i]);
		json_decref(claims);
		answer_done(&a);
		verifier_free(v);
	}
	policy_free(p);
	golden_done(&bundle);
}

TEST(refused)
{
	static const char policy[] = "{\"accepted_statuses\": [\"UpToDate\"]}";
	struct tception_error e;
	struct tception_answer *a;

	ck_assert_int_eq(tception_verify(verifier, quote.data, quote.size, "q", AT, &a, &e), 0);
	ck_assert_int_eq(a->accepted, 0);
	ck_assert_int_eq(a->authentic, 1);
	ck_assert_ptr_null(a->status);
	ck_assert_str_eq(a->reason_code, "no-collateral");
	tception_answer_free(a);
	ck_assert_int_eq(tception_verify(verifier, quote.data, 700, "q", AT, &a, &e), 0);
	ck_assert_int_eq(a->accepted | a->authentic, 0);
	ck_assert_str_eq(a->origin, "unknown");
	ck_assert_str_eq(a->reason, "not a quote");
	tception_answer_free(a);
	ck_assert_int_eq(tception_verifier_policy(verifier, policy, strlen(policy), &e), -EBUSY);
	ck_assert_int_eq(e.code, -EBUSY);
	ck_assert_str_ne(e.text, "");
}

TEST(wrong_calls)
{
	struct tception_answer *a = NULL;
	struct tception_error e;
	char *text = NULL;

	ck_assert_int_eq(tception_verify(verifier, quote.data, 9, "\xff", AT, &a, &e), -EINVAL);
	ck_assert_int_eq(tception_verifier_policy(verifier, "{", 1, &e), -EINVAL);
	ck_assert_int_eq(tception_verifier_add(verifier, "", 0, &e), -EBADMSG);
	ck_assert_int_eq(tception_quote_measurements("", 0, &text, &e), -EBADMSG);
	ck_assert_int_eq(tception_quote_measurements(quote.data, quote.size, &text, &e), 0);
	ck_assert_ptr_nonnull(strstr(text, "\"mrtd\":\""));
	tception_text_free(text);
	ck_assert_ptr_null(a);
	tception_answer_free(NULL);
	tception_verifier_free(NULL);
	tception_text_free(NULL);
}

TESTS("tception", .setup = setup, .teardown = teardown)
