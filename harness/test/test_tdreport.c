/* SPDX-License-Identifier: Apache-2.0 */

#include "format/sha2.h"
#include "format/tdreport.h"
#include "test/golden.h"
#include "test/tests.h"

/* A genuine TDX 1.5 report; its fields as read from a hex dump. */
static const char genuine[] = "tdreport/coco-tdx15.bin";

TEST(genuine_fields)
{
	struct golden g = golden_read(genuine);
	struct tdreport t;

	ck_assert_int_eq(tdreport_parse(g.data, g.size, &t, NULL), FORMAT_OK);
	ck_assert_uint_eq(t.mac.type, 0x81);
	ck_assert_uint_eq(t.mac.version, 1);
	assert_hex("cpusvn", t.mac.cpusvn, 16, "0202181a03ff00060000000000000000");
	assert_hex("mac", t.mac.mac, 32,
	           "4259f77248798d90b8d5006ac026fb3dc0f17cfcb8dfde659c3f836bc9313e47");
	assert_hex("valid", t.tcb.valid, 8, "ff01030000000000");
	assert_hex("tee_tcb_svn", t.tcb.tee_tcb_svn, 16, "05010200000000000000000000000000");
	assert_hex("mrseam", t.tcb.mrseam, 48,
	           "1cc6a17ab799e9a693fac7536be61c12ee1e0fabada82d0c"
	           "999e08ccee2aa86de77b0870f558c570e7ffe55d6d47fa04");
	assert_hex("tee_tcb_svn2", t.tcb.tee_tcb_svn2, 16, "05010200000000000000000000000000");
	ck_assert_uint_eq(t.td.attributes, 0x10000000);
	ck_assert_uint_eq(t.td.xfam, 0x642e7);
	assert_hex("mrtd", t.td.mrtd, 48, "98bbc39e3e27b4cb27ed6d21870b1877");
	assert_hex("rtmr0", t.td.rtmr[0], 48, "f4ec1a04670fe7926cd5de4aef9aaa76");
	assert_hex("rtmr1", t.td.rtmr[1], 48, "4e5f8826653198ab4bc5156fbe4bc99d");
	assert_hex("rtmr2", t.td.rtmr[2], 48, "00000000000000000000000000000000");
	assert_hex("servtd", t.td.servtd_hash, 48, "383c87d3bbb047b2d171eaca95312ede");
	golden_done(&g);
}

TEST(wrong_sizes)
{
	struct golden g = golden_read(genuine);
	struct tdreport t;
	uint64_t at = 0;

	for (size_t n = 0; n < g.size; n++) {
		ck_assert_int_eq(tdreport_parse(g.data, n, &t, &at), FORMAT_TRUNCATED);
		ck_assert_uint_eq(at, 0);
	}
	g.data = realloc(g.data, g.size + 1);
	ck_assert_int_eq(tdreport_parse(g.data, g.size + 1, &t, &at), FORMAT_TRAILING);
	ck_assert_uint_eq(at, TDREPORT_SIZE);
	golden_done(&g);
}

/* Every byte under a hash, and the hashes themselves; the rest is the MAC's to guard. */
TEST(every_flip_is_named)
{
	struct golden g = golden_read(genuine);
	struct tdreport t, untouched;

	memset(&untouched, 0x5a, sizeof(untouched));
	for (size_t i = 0; i < g.size; i++) {
		enum format_code code, expected = FORMAT_OK;
		uint64_t at = UINT64_MAX, expected_at = UINT64_MAX;

		if (i < 2)
			expected = FORMAT_BAD_TYPE, expected_at = i;
		else if (i == 2)
			expected = FORMAT_BAD_VERSION, expected_at = i;
		else if ((i >= 32 && i < 80) || (i >= 256 && i < 495))
			expected = FORMAT_BAD_VALUE, expected_at = 32;
		else if ((i >= 80 && i < 128) || i >= 512)
			expected = FORMAT_BAD_VALUE, expected_at = 80;
		t = untouched;
		g.data[i] ^= 0x82;
		code = tdreport_parse(g.data, g.size, &t, &at);
		ck_assert_msg(code == expected && at == expected_at, "byte %zu: %s at %ju", i,
		              format_code_name(code), (uintmax_t)at);
		if (code != FORMAT_OK)
			ck_assert_mem_eq(&t, &untouched, sizeof(t));
		g.data[i] ^= 0x82;
	}
	golden_done(&g);
}

TEST(seal_makes_what_parse_accepts)
{
	struct golden g = golden_read(genuine);
	uint8_t key[32], mac[SHA256_SIZE];
	struct tdreport t, sealed;

	memset(key, 7, sizeof(key));
	ck_assert_int_eq(tdreport_parse(g.data, g.size, &t, NULL), FORMAT_OK);
	sealed = t;
	memset(sealed.mac.tee_tcb_info_hash, 0, 48);
	memset(sealed.mac.tee_info_hash, 0, 48);
	tdreport_seal(&sealed, key, sizeof(key));
	ck_assert_mem_eq(sealed.mac.tee_tcb_info_hash, t.mac.tee_tcb_info_hash, 48);
	ck_assert_mem_eq(sealed.mac.tee_info_hash, t.mac.tee_info_hash, 48);
	hmac_sha256(key, sizeof(key), g.data, 224, mac);
	ck_assert_mem_eq(sealed.mac.mac, mac, sizeof(mac));
	ck_assert(tdreport_mac_ok(&sealed, key, sizeof(key)));
	ck_assert(!tdreport_mac_ok(&t, key, sizeof(key)));
	for (size_t i = 0; i < 256; i++) {
		((uint8_t *)&sealed)[i] ^= 1;
		ck_assert(!tdreport_mac_ok(&sealed, key, sizeof(key)));
		((uint8_t *)&sealed)[i] ^= 1;
	}
	key[31] ^= 1;
	ck_assert(!tdreport_mac_ok(&sealed, key, sizeof(key)));
	golden_done(&g);
}

/* Expected: python3 -c 'import hashlib as h; d=h.sha384(b"x").digest();
 * r=h.sha384(bytes(48)+d).digest(); print(h.sha384(r+d).hexdigest())' */
TEST(extend)
{
	uint8_t rtmr[48] = {0}, digest[48];

	sha384("x", 1, digest);
	rtmr_extend(rtmr, digest);
	rtmr_extend(rtmr, digest);
	assert_hex("RTMR", rtmr, 48,
	           "7d6fcb9e498a2af8f2a72bed741208dcb12157a4be75455234c07bfe763b204375aa51403689e3a"
	           "4719d6350008c7a64");
}

TESTS("tdreport")
