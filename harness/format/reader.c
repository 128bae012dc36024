/* SPDX-License-Identifier: Apache-2.0 */
#include "format/reader.h"

#include <string.h>

void reader_fail(struct reader *r, enum format_code code, uint64_t at)
{
	if (r->code != FORMAT_OK)
		return;
	r->code = code;
	r->fail_at = at;
}

/* The only place that moves: every read goes through here. */
const uint8_t *reader_bytes(struct reader *r, size_t n)
{
	const uint8_t *p;

	if (!reader_ok(r))
		return NULL;
	if (n > reader_left(r)) {
		reader_fail(r, FORMAT_TRUNCATED, reader_offset(r));
		return NULL;
	}
	/* An empty input may be a null pointer, to which nothing may be added. */
	p = r->pos ? r->data + r->pos : r->data;
	r->pos += n;
	return p;
}

void reader_copy(struct reader *r, void *out, size_t n)
{
	const uint8_t *p = reader_bytes(r, n);

	if (n == 0)
		return;
	if (p)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

void reader_skip(struct reader *r, size_t n)
{
	reader_bytes(r, n);
}

uint8_t reader_u8(struct reader *r)
{
	uint8_t v;

	reader_copy(r, &v, sizeof(v));
	return v;
}

uint16_t reader_u16(struct reader *r)
{
	uint16_t v;

	reader_copy(r, &v, sizeof(v));
	return v;
}

uint32_t reader_u32(struct reader *r)
{
	uint32_t v;

	reader_copy(r, &v, sizeof(v));
	return v;
}

uint64_t reader_u64(struct reader *r)
{
	uint64_t v;

	reader_copy(r, &v, sizeof(v));
	return v;
}

uint16_t reader_u16be(struct reader *r)
{
	return __builtin_bswap16(reader_u16(r));
}

uint32_t reader_u32be(struct reader *r)
{
	return __builtin_bswap32(reader_u32(r));
}

struct reader reader_sub(struct reader *r, size_t n)
{
	struct reader sub = {.base = reader_offset(r)};

	sub.data = reader_bytes(r, n);
	if (reader_ok(r))
		sub.size = n;
	sub.code = r->code;
	sub.fail_at = r->fail_at;
	return sub;
}

enum format_code reader_end(struct reader *r, uint64_t *ret_offset)
{
	if (reader_left(r) > 0)
		reader_fail(r, FORMAT_TRAILING, reader_offset(r));
	return reader_result(r, ret_offset);
}

enum format_code reader_result(const struct reader *r, uint64_t *ret_offset)
{
	if (r->code != FORMAT_OK && ret_offset)
		*ret_offset = r->fail_at;
	return r->code;
}
