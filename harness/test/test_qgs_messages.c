/* SPDX-License-Identifier: Apache-2.0 */

#include "format/bytes.h"
#include "format/qgs.h"
#include "test/golden.h"
#include "test/tests.h"

/* Both heads by hand from Intel's qgs_msg_lib.h: version 1.1, type, size, error; two sizes. */
static const char request_head[] =
        "01000100"
        "00000000"
        "18040000"
        "00000000"
        "00040000"
        "00000000";
static const char response_head[] =
        "01000100"
        "01000000"
        "1d000000"
        "00000000"
        "00000000"
        "05000000";
static const char error_head[] =
        "01000100"
        "01000000"
        "18000000"
        "03200100"
        "00000000"
        "00000000";

static void make_request(uint8_t out[QGS_QUOTE_REQUEST_SIZE])
{
	uint8_t report[TDREPORT_SIZE];

	for (size_t i = 0; i < sizeof(report); i++)
		report[i] = (uint8_t)(i * 31);
	qgs_request_write(report, out);
}

TEST(request_both_ways)
{
	uint8_t request[QGS_QUOTE_REQUEST_SIZE];
	const uint8_t *report = NULL;

	make_request(request);
	ck_assert_uint_eq(sizeof(request), 1048);
	assert_hex("head", request, 24, request_head);
	ck_assert_int_eq(qgs_request_parse(request, sizeof(request), &report, NULL), FORMAT_OK);
	ck_assert_ptr_eq(report, request + 24);
	ck_assert_uint_eq(report[1], 31);
}

TEST(request_with_ids)
{
	uint8_t request[QGS_QUOTE_REQUEST_SIZE + 16] = {0};
	const uint8_t *report = NULL;

	make_request(request);
	request[8] += 16;
	request[20] = 16;
	ck_assert_int_eq(qgs_request_parse(request, sizeof(request), &report, NULL), FORMAT_OK);
	ck_assert_ptr_eq(report, request + 24);
	request[2] = 0; /* minor version: any */
	ck_assert_int_eq(qgs_request_parse(request, sizeof(request), &report, NULL), FORMAT_OK);
}

static const struct {
	size_t at;
	uint8_t value;
	enum format_code code;
	uint64_t offset;
} broken[] = {
        {0, 2, FORMAT_BAD_VERSION, 0},      {1, 1, FORMAT_BAD_VERSION, 0},
        {4, 1, FORMAT_BAD_TYPE, 4},         {4, 2, FORMAT_BAD_TYPE, 4},
        {7, 1, FORMAT_BAD_TYPE, 4},         {8, 0x17, FORMAT_BAD_SIZE, 8},
        {11, 0xff, FORMAT_BAD_SIZE, 8},     {12, 1, FORMAT_BAD_VALUE, 12},
        {16, 1, FORMAT_BAD_SIZE, 16},       {17, 3, FORMAT_BAD_SIZE, 16},
        {19, 0xff, FORMAT_BAD_SIZE, 16},    {20, 1, FORMAT_TRUNCATED, 1048},
        {23, 0xff, FORMAT_TRUNCATED, 1048},
};

TEST_EACH(broken_request, broken)
{
	uint8_t request[QGS_QUOTE_REQUEST_SIZE];
	const uint8_t *report = NULL;
	uint64_t at = UINT64_MAX;
	enum format_code code;

	make_request(request);
	request[broken[_i].at] = broken[_i].value;
	code = qgs_request_parse(request, sizeof(request), &report, &at);
	ck_assert_msg(code == broken[_i].code && at == broken[_i].offset, "%zu: %s at %ju",
	              broken[_i].at, format_code_name(code), (uintmax_t)at);
	ck_assert_ptr_null(report);
}

TEST(truncated_request)
{
	uint8_t request[QGS_QUOTE_REQUEST_SIZE];
	const uint8_t *report = NULL;

	make_request(request);
	for (size_t n = 0; n < sizeof(request); n++) {
		uint8_t *cut = malloc(n ? n : 1);

		memcpy(cut, request, n);
		if (n >= 12) { /* a size that agrees with the cut */
			uint32_t size = (uint32_t)n;

			memcpy(cut + 8, &size, 4);
		}
		ck_assert_int_eq(qgs_request_parse(cut, n, &report, NULL), FORMAT_TRUNCATED);
		free(cut);
	}
}

TEST(response_both_ways)
{
	const uint8_t *got = NULL;
	size_t got_size = 0;
	uint32_t error = 99;
	uint8_t out[64];

	ck_assert_uint_eq(qgs_response_write(QGS_OK, (const uint8_t *)"quote", 5, NULL, 0), 29);
	ck_assert_uint_eq(qgs_response_write(QGS_OK, (const uint8_t *)"quote", 5, out, 29), 29);
	assert_hex("head", out, 24, response_head);
	ck_assert_int_eq(qgs_response_parse(out, 29, &error, &got, &got_size, NULL), FORMAT_OK);
	ck_assert_uint_eq(error, QGS_OK);
	ck_assert_uint_eq(got_size, 5);
	ck_assert_mem_eq(got, "quote", 5);
	for (size_t n = 0; n < 29; n++)
		ck_assert_int_ne(qgs_response_parse(out, n, &error, &got, &got_size, NULL),
		                 FORMAT_OK);
	out[20] = 4;
	ck_assert_int_eq(qgs_response_parse(out, 29, &error, &got, &got_size, NULL),
	                 FORMAT_TRAILING);
	out[20] = 6;
	ck_assert_int_eq(qgs_response_parse(out, 29, &error, &got, &got_size, NULL),
	                 FORMAT_TRUNCATED);
	out[20] = 0, out[16] = 5; /* all of it an ID: success without a quote */
	ck_assert_int_eq(qgs_response_parse(out, 29, &error, &got, &got_size, NULL),
	                 FORMAT_BAD_SIZE);
	out[20] = 2, out[16] = 3;
	ck_assert_int_eq(qgs_response_parse(out, 29, &error, &got, &got_size, NULL), FORMAT_OK);
	ck_assert_mem_eq(got, "te", 2);
}

TEST(error_response)
{
	const uint8_t *got = (const uint8_t *)"x";
	size_t got_size = 9;
	uint32_t error = 0;
	uint8_t out[64];

	ck_assert_uint_eq(qgs_response_write(QGS_ERROR_INVALID_PARAMETER, (const uint8_t *)"quote",
	                                     5, out, sizeof(out)),
	                  24);
	assert_hex("head", out, 24, error_head);
	ck_assert_int_eq(qgs_response_parse(out, 24, &error, &got, &got_size, NULL), FORMAT_OK);
	ck_assert_uint_eq(error, QGS_ERROR_INVALID_PARAMETER);
	ck_assert_ptr_null(got);
	ck_assert_uint_eq(got_size, 0);
	memset(out + 12, 0, 4);
	ck_assert_int_eq(qgs_response_parse(out, 24, &error, &got, &got_size, NULL),
	                 FORMAT_BAD_SIZE);
}

/* By hand from qgs_msg_lib.h: header, sizes of FMSPC and CA name, both. */
static const uint8_t collateral_request[] = {
        1, 0, 1, 0, 2,   0,   0,   0, 39, 0, 0,   0,   0,   0,   0,   0,   6,   0,   0, 0,
        9, 0, 0, 0, 'E', 'M', 'U', 0, 0,  0, 'p', 'l', 'a', 't', 'f', 'o', 'r', 'm', 0,
};

static const struct {
	size_t at;
	uint8_t value;
	enum format_code code;
} broken_collateral[] = {
        {0, 2, FORMAT_BAD_VERSION}, {4, 0, FORMAT_BAD_TYPE},      {4, 4, FORMAT_BAD_TYPE},
        {8, 38, FORMAT_BAD_SIZE},   {12, 1, FORMAT_BAD_VALUE},    {16, 0, FORMAT_BAD_SIZE},
        {20, 0, FORMAT_BAD_SIZE},   {16, 5, FORMAT_TRAILING},     {16, 7, FORMAT_TRUNCATED},
        {20, 10, FORMAT_TRUNCATED}, {23, 0xff, FORMAT_TRUNCATED}, {19, 0xff, FORMAT_TRUNCATED},
};

TEST(collateral_requests)
{
	struct qgs_collateral_request q = {0};
	uint8_t request[sizeof(collateral_request)];

	memcpy(request, collateral_request, sizeof(request));
	ck_assert_int_eq(qgs_type_of(request, sizeof(request)), QGS_GET_COLLATERAL_REQUEST);
	ck_assert_int_eq(qgs_collateral_request_parse(request, sizeof(request), &q, NULL),
	                 FORMAT_OK);
	ck_assert_ptr_eq(q.fmspc.data, request + 24);
	ck_assert_uint_eq(q.fmspc.size, 6);
	ck_assert_ptr_eq(q.ca.data, request + 30);
	ck_assert_uint_eq(q.ca.size, 9);
	for (size_t i = 0; i < COUNT_OF(broken_collateral); i++) {
		memcpy(request, collateral_request, sizeof(request));
		request[broken_collateral[i].at] = broken_collateral[i].value;
		ck_assert_msg(qgs_collateral_request_parse(request, sizeof(request), &q, NULL) ==
		                      broken_collateral[i].code,
		              "%zu", i);
	}
	for (size_t n = 0; n < sizeof(request); n++)
		ck_assert_int_ne(qgs_collateral_request_parse(collateral_request, n, &q, NULL),
		                 FORMAT_OK);
	ck_assert_int_eq(qgs_type_of(request, 15), -1);
}

TEST(collateral_responses)
{
	static const char *const texts[QGS_COLLATERAL_PARTS] = {"a",  "bb", "",  "d",
	                                                        "ee", "f",  "gg"};
	/* header: type 3, size 57; collateral version 3.0; seven sizes; then all of them */
	static const char expected[] =
	        "01000100030000003900000000000000"
	        "03000000"
	        "01000000020000000000000001000000020000000100000002000000"
	        "61626264656566"
	        "6767";
	static const char refused[] =
	        "010001000300000030000000"
	        "01200100"
	        "00000000"
	        "00000000000000000000000000000000000000000000000000000000";
	struct bytes part[QGS_COLLATERAL_PARTS];
	uint8_t out[64];

	for (size_t i = 0; i < QGS_COLLATERAL_PARTS; i++)
		part[i] = (struct bytes){(const uint8_t *)texts[i], strlen(texts[i])};
	ck_assert_uint_eq(qgs_collateral_response_write(QGS_OK, part, NULL, 0), 57);
	ck_assert_uint_eq(qgs_collateral_response_write(QGS_OK, part, out, sizeof(out)), 57);
	assert_hex("collateral", out, 57, expected);
	ck_assert_uint_eq(qgs_collateral_response_write(QGS_ERROR_UNEXPECTED, NULL, out, 64), 48);
	assert_hex("refusal", out, 48, refused);
}

TEST(platform_messages)
{
	static const uint8_t request[16] = {1, 0, 1, 0, 4, 0, 0, 0, 16};
	static const struct qgs_platform platform = {
	        .tdqe_svn = 0x0102, .pce_svn = 0x0304, .id = {0xaa}, .cpusvn = {0xbb}};
	static const char expected[] =
	        "0100010005000000"
	        "3c00000000000000"
	        "02010403"
	        "1000000010000000"
	        "aa000000000000000000000000000000"
	        "bb000000000000000000000000000000";
	uint8_t other[17] = {0}, out[64];

	ck_assert_int_eq(qgs_platform_request_parse(request, 16, NULL), FORMAT_OK);
	memcpy(other, request, 16);
	other[8] = 17;
	ck_assert_int_eq(qgs_platform_request_parse(other, 17, NULL), FORMAT_TRAILING);
	ck_assert_int_eq(qgs_platform_request_parse(request, 15, NULL), FORMAT_TRUNCATED);
	ck_assert_uint_eq(qgs_platform_response_write(QGS_OK, &platform, out, sizeof(out)), 60);
	assert_hex("platform", out, 60, expected);
	ck_assert_uint_eq(qgs_platform_response_write(QGS_ERROR_UNEXPECTED, &platform, out, 64),
	                  28);
	assert_hex("refusal", out, 28, "01000100050000001c00000001200100000000000000000000000000");
}

TESTS("qgs_messages")
