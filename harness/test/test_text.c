/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>

#include "format/bytes.h"
#include "format/text.h"
#include "test/tests.h"

/* RFC 4648 section 10. */
static const char *const vectors[][3] = {
        {"", "", ""},
        {"f", "Zg==", "66"},
        {"fo", "Zm8=", "666f"},
        {"foo", "Zm9v", "666f6f"},
        {"foob", "Zm9vYg==", "666f6f62"},
        {"fooba", "Zm9vYmE=", "666f6f6261"},
        {"foobar", "Zm9vYmFy", "666f6f626172"},
};

TEST_EACH(rfc4648, vectors)
{
	const char *plain = vectors[_i][0], *base64 = vectors[_i][1], *hex = vectors[_i][2];
	size_t size = strlen(plain), got = 99;
	char text[64];
	uint8_t out[64];

	base64_encode(plain, size, text);
	ck_assert_str_eq(text, base64);
	ck_assert_int_eq(base64_decode(base64, strlen(base64), out, &got), FORMAT_OK);
	ck_assert_uint_eq(got, size);
	ck_assert(memcmp(out, plain, size) == 0);
	hex_encode(plain, size, text);
	ck_assert_str_eq(text, hex);
	ck_assert_int_eq(hex_decode(hex, strlen(hex), out, &got), FORMAT_OK);
	ck_assert_uint_eq(got, size);
	ck_assert(memcmp(out, plain, size) == 0);
}

static const char *const bad_base64[] = {
        "Z",        "Zg",         "Zg=",     "=",           "==",       "===",
        "====",     "Z===",       "A===",    "AAAAA===",    "Zh==",     "Zm9=",
        "Zg==Zg==", "Zm 9",       "Zm9v\n",  "Zm9v\nZg==",  "Zm-v",     "Zm_v",
        "Zg=a",     "Z\xc3\xa9=", "Zm9vYg=", "Zm9vYg=====", "Zm9v====",
};

TEST_EACH(base64_is_strict, bad_base64)
{
	const char *text = bad_base64[_i];
	size_t got = 99;
	uint8_t out[64];

	ck_assert_msg(base64_decode(text, strlen(text), out, &got) == FORMAT_BAD_ENCODING, "'%s'",
	              text);
	ck_assert_uint_eq(got, 99);
}

static const char *const bad_hex[] = {"0", "0g", "g0", " 00", "00 ", "0x00", "00:", "0\xff"};

TEST_EACH(hex_is_strict, bad_hex)
{
	const char *text = bad_hex[_i];
	size_t got = 99;
	uint8_t out[64];

	ck_assert_msg(hex_decode(text, strlen(text), out, &got) == FORMAT_BAD_ENCODING, "'%s'",
	              text);
	ck_assert_uint_eq(got, 99);
}

TEST(either_case_of_hex)
{
	uint8_t out[2];
	size_t got;

	ck_assert_int_eq(hex_decode("aBcD", 4, out, &got), FORMAT_OK);
	ck_assert_uint_eq(got, 2);
	ck_assert_mem_eq(out, "\xab\xcd", 2);
}

/* Buffers of exactly the documented sizes, every length, against OpenSSL's encoder. */
TEST(every_length)
{
	for (size_t n = 0; n <= 200; n++) {
		uint8_t *data = malloc(n ? n : 1), *back = malloc(BASE64_DECODED_MAX(n * 2));
		char *ours = malloc(BASE64_ENCODED_SIZE(n)), *hex = malloc(HEX_ENCODED_SIZE(n));
		char theirs[300];
		size_t got;

		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)(i * 89 + n * 7);
		base64_encode(data, n, ours);
		EVP_EncodeBlock((unsigned char *)theirs, data, (int)n);
		ck_assert_str_eq(ours, n ? theirs : "");
		ck_assert_int_eq(base64_decode(ours, strlen(ours), back, &got), FORMAT_OK);
		ck_assert_uint_eq(got, n);
		ck_assert(memcmp(back, data, n) == 0);
		hex_encode(data, n, hex);
		ck_assert_int_eq(hex_decode(hex, strlen(hex), back, &got), FORMAT_OK);
		ck_assert_uint_eq(got, n);
		ck_assert(memcmp(back, data, n) == 0);
		free(data);
		free(back);
		free(ours);
		free(hex);
	}
}

TESTS("text")
