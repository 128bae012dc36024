/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "test/facts.h"
#include "test/tests.h"
#include "trust/platform.h"

/* The PCK certificates of every collected quote against what another parser read in them. */
TEST(genuine_platforms)
{
	json_t *all = facts_read("quote"), *facts;
	const char *file;
	size_t seen = 0;

	json_object_foreach(all, file, facts)
	{
		const json_t *pck = json_object_get(facts, "pck");
		struct platform p;
		char path[128], before[32];
		struct golden g;
		struct quote q;
		struct err e;
		struct tm tm;

		if (!pck)
			continue;
		seen++;
		snprintf(path, sizeof(path), "quote/%s", file);
		g = golden_read(path);
		ck_assert_int_eq(quote_parse(g.data, g.size, &q, NULL), FORMAT_OK);
		ck_assert_msg(platform_read(&q, &p, &e) == 0, "%s: %s", file, e.text);
		facts_hex(pck, file, "fmspc", p.pck.fmspc, sizeof(p.pck.fmspc));
		facts_hex(pck, file, "pceid", p.pck.pceid, sizeof(p.pck.pceid));
		facts_hex(pck, file, "ppid", p.pck.ppid, sizeof(p.pck.ppid));
		facts_hex(pck, file, "cpusvn", p.pck.cpusvn, sizeof(p.pck.cpusvn));
		facts_hex(pck, file, "components", p.pck.component, sizeof(p.pck.component));
		facts_int(pck, file, "pcesvn", p.pck.pcesvn);
		ck_assert_uint_gt(strftime(before, sizeof(before), "%Y-%m-%dT%H:%M:%S+00:00",
		                           gmtime_r(&p.cert[0].not_before, &tm)),
		                  0);
		ck_assert_str_eq(before, json_string_value(json_object_get(pck, "not_before")));
		ck_assert_uint_eq(p.certs, PLATFORM_CERTS);
		ck_assert_ptr_nonnull(strstr(p.cert[0].subject, "CN=Intel SGX PCK Certificate"));
		ck_assert_ptr_nonnull(strstr(p.cert[2].subject, "CN=Intel SGX Root CA"));
		ck_assert_str_eq(p.cert[0].issuer, p.cert[1].subject);
		golden_done(&g);
	}
	ck_assert_uint_ge(seen, 40);
	json_decref(all);
}

TEST(other_certification)
{
	struct golden g = golden_read("quote/00b2526ab190.bin");
	struct platform p;
	struct quote q;
	struct err e;

	ck_assert_int_eq(quote_parse(g.data, g.size, &q, NULL), FORMAT_OK);
	q.cert_type = QUOTE_CERT_PPID_RSA3072;
	ck_assert_int_eq(platform_read(&q, &p, &e), -EBADMSG);
	q.cert_type = QUOTE_CERT_PCK_CHAIN;
	q.cert_data.size /= 2;
	ck_assert_int_eq(platform_read(&q, &p, &e), -EBADMSG);
	golden_done(&g);
}

/* The leaf alone, as PEM and as DER. */
TEST_RANGE(one_certificate, 0, 2)
{
	static const char *const files[] = {"quote/certification/pck-leaf.bin",
	                                    "quote/certification/pck-leaf-der.bin"};
	json_t *all = facts_read("quote");
	const json_t *pck = json_object_get(json_object_get(all, "9c3786b9b3d6.bin"), "pck");
	struct golden g = golden_read(files[_i]);
	struct platform p;
	struct quote q;
	struct err e;

	ck_assert_int_eq(quote_parse(g.data, g.size, &q, NULL), FORMAT_OK);
	ck_assert_int_eq(platform_read(&q, &p, &e), 0);
	ck_assert_uint_eq(p.certs, 1);
	facts_hex(pck, files[_i], "fmspc", p.pck.fmspc, sizeof(p.pck.fmspc));
	facts_hex(pck, files[_i], "ppid", p.pck.ppid, sizeof(p.pck.ppid));
	facts_int(pck, files[_i], "pcesvn", p.pck.pcesvn);
	q.cert_data.size--;
	ck_assert_int_eq(platform_read(&q, &p, &e), _i == 0 ? 0 : -EBADMSG); /* a newline */
	q.cert_data.size -= 2;
	ck_assert_int_eq(platform_read(&q, &p, &e), -EBADMSG);
	golden_done(&g);
	json_decref(all);
}

TESTS("platform")
