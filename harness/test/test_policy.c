/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "format/bytes.h"
#include "format/text.h"
#include "test/golden.h"
#include "core/json.h"
#include "trust/policy.h"

static struct golden quote_bytes;
static struct quote quote;

static void setup(void)
{
	quote_bytes = golden_read("quote/9c3786b9b3d6.bin");
	ck_assert_int_eq(quote_parse(quote_bytes.data, quote_bytes.size, &quote, NULL), FORMAT_OK);
}

static void teardown(void)
{
	golden_done(&quote_bytes);
}

static bool accepts(const char *json, const struct verdict *d)
{
	struct policy_result r;
	struct policy *p;
	struct err e;

	ck_assert_msg(policy_read(json, json ? strlen(json) : 0, &p, &e) == 0, "%s", e.text);
	policy_apply(p, &quote, d, &r);
	policy_free(p);
	return r.accepted;
}

START_TEST(policies)
{
	struct verdict good = {.authentic = true,
	                       .origin = ORIGIN_HARDWARE,
	                       .status = TCB_UP_TO_DATE,
	                       .tcb_evaluation = 18},
	               d;
	char mrtd[97], json[512];

	ck_assert(accepts(NULL, &good));
	ck_assert(accepts("{}", &good));
	ck_assert(!accepts("{\"accepted_statuses\":[\"OutOfDate\"]}", &good));
	ck_assert(!accepts("{\"accepted_statuses\":[]}", &good));
	ck_assert(!accepts("{\"accepted_origins\":[\"emulated\"]}", &good));
	ck_assert(accepts("{\"require_sept_ve_disable\":true}", &good));
	ck_assert(accepts("{\"min_tcb_evaluation\":18}", &good));
	ck_assert(!accepts("{\"min_tcb_evaluation\":19}", &good));
	hex_encode(quote.td.mrtd, 48, mrtd);
	snprintf(json, sizeof(json), "{\"mrtd\":\"%s\"}", mrtd);
	ck_assert(accepts(json, &good));
	mrtd[95] ^= 1;
	snprintf(json, sizeof(json), "{\"mrtd\":[\"%s\"]}", mrtd);
	ck_assert(!accepts(json, &good));

	d = good;
	d.status = TCB_OUT_OF_DATE;
	strcpy(d.launch.advisory[0], "INTEL-SA-01245");
	d.launch.advisories = 1;
	ck_assert(!accepts(NULL, &d));
	ck_assert(accepts("{\"accepted_statuses\":[\"OutOfDate\"]}", &d));
	ck_assert(
	        !accepts("{\"accepted_statuses\":[\"OutOfDate\"],"
	                 "\"refused_advisories\":[\"INTEL-SA-01245\"]}",
	                 &d));
	d = good;
	d.authentic = false; /* no policy makes up for that */
	ck_assert(
	        !accepts("{\"accepted_origins\":[\"none\",\"unknown\",\"hardware\"],"
	                 "\"accepted_statuses\":[\"NotEvaluated\",\"UpToDate\"]}",
	                 &d));
	quote.td.mrservicetd[47] = 7; /* another TD has a hand in it */
	ck_assert(!accepts(NULL, &good));
	ck_assert(accepts("{\"allow_service_td\":true}", &good));
	quote.td.mrservicetd[47] = 0;
	quote.td.cur_servtd_hash[0] = 7;
	ck_assert(!accepts("{\"allow_service_td\":false}", &good));
	quote.td.cur_servtd_hash[0] = 0;
	quote.td.attributes |= 1;
	ck_assert(!accepts(NULL, &good));
	ck_assert(accepts("{\"allow_debug\":true}", &good));
	quote.td.attributes = 0;
	ck_assert(!accepts("{\"require_sept_ve_disable\":true}", &good));
}
END_TEST

START_TEST(wrong_policies)
{
	static const char *const bad[] = {
	        "",
	        "[]",
	        "{\"acepted_statuses\":[]}",
	        "{\"accepted_statuses\":\"UpToDate\"}",
	        "{\"accepted_statuses\":[\"Uptodate\"]}",
	        "{\"accepted_origins\":[1]}",
	        "{\"allow_debug\":0}",
	        "{\"mrtd\":\"00\"}",
	        "{\"mrtd\":[]}",
	        "{\"mrtd\":null}",
	        "{\"rtmr4\":\"00\"}",
	        "{\"min_tcb_evaluation\":-1}",
        "{\"tcb_evaluation\":0}",
        "{\"tcb_evaluation\":\"18\"}",
        "{\"tcb_update\":\"late\"}",
        "{\"tcb_update\":19}",
        "{\"tcb_update\":\"early\",\"tcb_evaluation\":18}",
	        "{\"refused_advisories\":[1]}",
	        "{\"allow_debug\":false,\"allow_debug\":true}",
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct policy *p = NULL;

		ck_assert_int_eq(policy_read(bad[i], strlen(bad[i]), &p, NULL), -EINVAL);
		ck_assert_ptr_null(p);
	}
}
END_TEST

START_TEST(raw_values)
{
	static const struct {
		const char *json, *key, *raw;
	} cases[] = {
	        {"{\"a\":{\"b\":1},\"c\":\"}\"}", "a", "{\"b\":1}"},
	        {" { \"c\" : \"}\\\"{\" , \"a\" : { \"b\" : [1, 2] } } ", "a",
	         "{ \"b\" : [1, 2] }"},
	        {"{\"x\":{\"a\":1},\"a\":2}", "a", "2"},
	        {"{\"\\u0061\":7}", "a", "7"},
	        {"{\"a\":1,\"a\":2}", "a", NULL},
	        {"{\"a\":1} x", "a", NULL},
	        {"{\"a\":1", "a", NULL},
	        {"{\"a\" 1}", "a", NULL},
	        {"{\"b\":1}", "a", NULL},
	        {"{a:1}", "a", NULL},
	        {"{}", "a", NULL},
	        {"", "a", NULL},
	        {"{", "a", NULL},
	        {"{\"a\":", "a", NULL},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t size = 0;
		const char *raw =
		        jsonx_raw(cases[i].json, strlen(cases[i].json), cases[i].key, &size);

		ck_assert_msg(!raw == !cases[i].raw, "case %zu", i);
		if (raw) {
			ck_assert_uint_eq(size, strlen(cases[i].raw));
			ck_assert_mem_eq(raw, cases[i].raw, size);
		}
	}
}
END_TEST

/* jansson reads over a NUL behind a number and counts one byte too few: the brace is read twice. */
START_TEST(no_value_with_a_nul)
{
	static const char text[] = "{\"a\":{\"b\":0\0}";
	size_t size = 0;

	ck_assert_ptr_null(jsonx_raw(text, sizeof(text) - 1, "a", &size));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tc = tcase_create("policy");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, policies);
	tcase_add_test(tc, wrong_policies);
	tcase_add_test(tc, raw_values);
	tcase_add_test(tc, no_value_with_a_nul);
	suite_add_tcase(suite, tc);
	return golden_run(suite);
}
