/* SPDX-License-Identifier: Apache-2.0 */

#include "format/bytes.h"
#include "format/frame.h"
#include "test/golden.h"
#include "test/tests.h"

/* VISIT, sequence 5, 0x1234 bytes: written by hand from the header's description. */
static const uint8_t visit[FRAME_HEADER_SIZE] = {'T', 'C', 'F', '1', 1,    0,    0, 0,
                                                 5,   0,   0,   0,   0x34, 0x12, 0, 0};

TEST(header_both_ways)
{
	struct frame_header h;
	uint8_t out[FRAME_HEADER_SIZE];

	ck_assert_int_eq(frame_header_parse(visit, sizeof(visit), &h, NULL), FORMAT_OK);
	ck_assert_uint_eq(h.type, FRAME_VISIT);
	ck_assert_uint_eq(h.flags, 0);
	ck_assert_uint_eq(h.sequence, 5);
	ck_assert_uint_eq(h.length, 0x1234);
	frame_header_write(&h, out);
	ck_assert_mem_eq(out, visit, sizeof(out));
}

static const struct {
	size_t at;
	uint8_t value;
	enum format_code code;
	uint64_t offset;
} broken[] = {
        {0, 't', FORMAT_BAD_MAGIC, 0}, {3, '2', FORMAT_BAD_MAGIC, 0},
        {6, 1, FORMAT_BAD_VALUE, 6},   {7, 0x80, FORMAT_BAD_VALUE, 6},
        {15, 1, FORMAT_BAD_SIZE, 12},  {14, 0x11, FORMAT_BAD_SIZE, 12},
};

TEST_EACH(broken_header, broken)
{
	struct frame_header h = {.sequence = 77};
	uint8_t data[FRAME_HEADER_SIZE];
	uint64_t at = UINT64_MAX;

	memcpy(data, visit, sizeof(data));
	data[broken[_i].at] = broken[_i].value;
	ck_assert_int_eq(frame_header_parse(data, sizeof(data), &h, &at), broken[_i].code);
	ck_assert_uint_eq(at, broken[_i].offset);
	ck_assert_uint_eq(h.sequence, 77);
}

TEST(limits)
{
	struct frame_header h = {.type = 0xffff, .sequence = UINT32_MAX};
	uint8_t data[FRAME_HEADER_SIZE];

	h.length = FRAME_PAYLOAD_MAX;
	frame_header_write(&h, data);
	ck_assert_int_eq(frame_header_parse(data, sizeof(data), &h, NULL), FORMAT_OK);
	ck_assert_uint_eq(h.type, 0xffff); /* unknown types are passed on */
	h.length = FRAME_PAYLOAD_MAX + 1;
	frame_header_write(&h, data);
	ck_assert_int_eq(frame_header_parse(data, sizeof(data), &h, NULL), FORMAT_BAD_SIZE);
	for (size_t n = 0; n < FRAME_HEADER_SIZE; n++)
		ck_assert_int_ne(frame_header_parse(visit, n, &h, NULL), FORMAT_OK);
}

TEST(type_names)
{
	ck_assert_str_eq(frame_type_name(FRAME_VISIT), "VISIT");
	ck_assert_str_eq(frame_type_name(FRAME_DONE), "DONE");
	ck_assert_str_eq(frame_type_name(FRAME_TIME), "TIME");
	ck_assert_str_eq(frame_type_name(FRAME_TD), "TD");
	ck_assert_str_eq(frame_type_name(FRAME_SECRET), "SECRET");
	for (int i = FRAME_HELLO; i <= FRAME_KEY; i++)
		ck_assert_str_ne(frame_type_name((uint16_t)i), "?");
	ck_assert_str_eq(frame_type_name(0), "?");
	ck_assert_str_eq(frame_type_name(FRAME_KEYED + 1), "?");
	ck_assert_str_eq(frame_type_name(FRAME_KEY + 1), "?");
	ck_assert_str_eq(frame_type_name(0xffff), "?");
}

/*
 * python3 -c 'import hashlib as h; i=b"td/docker+dev"; print(h.sha512(b"tception-reportdata-v1\0" +
 * bytes(range(32)) + len(i).to_bytes(2, "little") + i + b"\2" + b"\xee"*48).hexdigest())'
 */
TEST(report_data_as_specified)
{
	uint8_t nonce[REPORT_NONCE_SIZE], evidence[48], data[64], other[64];

	for (size_t i = 0; i < sizeof(nonce); i++)
		nonce[i] = (uint8_t)i;
	memset(evidence, 0xee, sizeof(evidence));
	report_data_make(nonce, "td/docker+dev", REPORT_CONFIGFS, evidence, data);
	assert_hex("REPORTDATA", data, 64,
	           "bb3230f9a3ca03e4dfdd2879338184acc50001548042984afc1ac073d1e91c21"
	           "437eb2f6346eb5f7e563de6e9c57daf7f31bfa84cec4f06a7217e4279b0e217b");
	report_data_make(nonce, "td/docker+dev", REPORT_IOCTL, evidence, other);
	ck_assert_mem_ne(other, data, 64);
	report_data_make(nonce, "td/docker+de", REPORT_CONFIGFS, evidence, other);
	ck_assert_mem_ne(other, data, 64);
	evidence[47] ^= 1;
	report_data_make(nonce, "td/docker+dev", REPORT_CONFIGFS, evidence, other);
	ck_assert_mem_ne(other, data, 64);
	evidence[47] ^= 1;
	nonce[0] ^= 1;
	report_data_make(nonce, "td/docker+dev", REPORT_CONFIGFS, evidence, other);
	ck_assert_mem_ne(other, data, 64);
}

TESTS("frame")
