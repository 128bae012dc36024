/* SPDX-License-Identifier: Apache-2.0 */

#include "format/code.h"
#include "format/reader.h"
#include "test/tests.h"

TEST(reads_little_endian)
{
	static const uint8_t data[] = {1,  2,  3,  4,  5,  6,  7,  8,  9, 10,
	                               11, 12, 13, 14, 15, 16, 17, 18, 19};
	struct reader r = reader_of(data, sizeof(data));

	ck_assert_uint_eq(reader_u8(&r), 1);
	ck_assert_uint_eq(reader_u16(&r), 0x0302);
	ck_assert_uint_eq(reader_u32(&r), 0x07060504);
	ck_assert_uint_eq(reader_u64(&r), 0x0f0e0d0c0b0a0908);
	ck_assert_uint_eq(reader_u32be(&r), 0x10111213);
	ck_assert_int_eq(reader_end(&r, NULL), FORMAT_OK);
}

TEST(first_failure_sticks)
{
	static const uint8_t data[] = {1, 2, 3, 4, 5};
	uint8_t copy[4] = {9, 9, 9, 9};
	uint64_t at = 0;
	struct reader r = reader_of(data, sizeof(data));

	ck_assert_uint_eq(reader_u16(&r), 0x0201);
	ck_assert_uint_eq(reader_u32(&r), 0);
	ck_assert_uint_eq(reader_u8(&r), 0); /* though a byte is left */
	reader_copy(&r, copy, sizeof(copy));
	ck_assert_mem_eq(copy, "\0\0\0\0", 4);
	ck_assert_ptr_null(reader_bytes(&r, 0));
	reader_fail(&r, FORMAT_BAD_VALUE, 77);
	ck_assert_int_eq(reader_end(&r, &at), FORMAT_TRUNCATED);
	ck_assert_uint_eq(at, 2);
}

TEST(huge_sizes_do_not_wrap)
{
	static const uint8_t data[8];
	struct reader r = reader_of(data, sizeof(data));

	reader_skip(&r, 4);
	ck_assert_ptr_null(reader_bytes(&r, SIZE_MAX));
	ck_assert_int_eq(r.code, FORMAT_TRUNCATED);
	ck_assert_uint_eq(r.pos, 4);
	r = reader_of(data, sizeof(data));
	reader_skip(&r, 4);
	reader_sub(&r, SIZE_MAX - 3);
	ck_assert_int_eq(r.code, FORMAT_TRUNCATED);
}

TEST(sub_readers_count_from_the_outermost)
{
	static const uint8_t data[] = {0, 1, 2, 3, 4, 5, 6, 7};
	uint64_t at = 0;
	struct reader r = reader_of(data, sizeof(data)), sub, inner;

	reader_skip(&r, 2);
	sub = reader_sub(&r, 4);
	ck_assert_uint_eq(reader_offset(&r), 6);
	ck_assert_uint_eq(reader_u8(&sub), 2);
	inner = reader_sub(&sub, 2);
	ck_assert_uint_eq(reader_u8(&inner), 3);
	ck_assert_int_eq(reader_end(&inner, &at), FORMAT_TRAILING);
	ck_assert_uint_eq(at, 4);
	ck_assert_uint_eq(reader_u16(&sub), 0);
	ck_assert_int_eq(reader_end(&sub, &at), FORMAT_TRUNCATED);
	ck_assert_uint_eq(at, 5);
	ck_assert_int_eq(reader_result(&r, NULL), FORMAT_OK);
	sub = reader_sub(&r, 3);
	ck_assert_int_eq(sub.code, FORMAT_TRUNCATED);
	ck_assert_uint_eq(reader_u8(&sub), 0);
}

TEST(empty_input)
{
	struct reader r = reader_of(NULL, 0);

	reader_skip(&r, 0);
	ck_assert_int_eq(reader_end(&r, NULL), FORMAT_OK);
	ck_assert_uint_eq(reader_u8(&r), 0);
	ck_assert_int_eq(reader_end(&r, NULL), FORMAT_TRUNCATED);
}

TEST(every_code_has_its_own_name)
{
	for (int i = 0; i < FORMAT_CODE_COUNT; i++) {
		const char *name = format_code_name((enum format_code)i);

		ck_assert_ptr_nonnull(name);
		ck_assert_str_ne(name, "?");
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(name, format_code_name((enum format_code)j));
	}
	ck_assert_str_eq(format_code_name(FORMAT_CODE_COUNT), "?");
}

TESTS("reader")
