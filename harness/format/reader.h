/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/code.h"

/*
 * The one checked reader: every parser is built on it, so no length bug is possible elsewhere.
 *
 * A reader is a view; it owns nothing. The first failure sticks: later reads return zeros and do
 * not move, so a parser may read a whole structure and look at the result once, at the end.
 * All integers are little-endian unless the name says otherwise. Offsets are counted from the start
 * of the outermost input, also in sub-readers.
 */
struct reader {
	const uint8_t *data; /* first byte of this view */
	size_t size;         /* bytes in this view */
	size_t pos;          /* next byte to read, <= size */
	uint64_t base;       /* offset of data[0] in the outermost input */
	uint64_t fail_at;    /* outermost offset of the first failure */
	enum format_code code;
};

static inline struct reader reader_of(const void *data, size_t size)
{
	return (struct reader){.data = (const uint8_t *)data, .size = size};
}

static inline bool reader_ok(const struct reader *r)
{
	return r->code == FORMAT_OK;
}
static inline size_t reader_left(const struct reader *r)
{
	return r->size - r->pos;
}
/* Outermost offset of the next byte. */
static inline uint64_t reader_offset(const struct reader *r)
{
	return r->base + r->pos;
}

/* Records a failure at the given outermost offset, unless one was recorded before. */
void reader_fail(struct reader *r, enum format_code code, uint64_t at);

uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
uint16_t reader_u16be(struct reader *r);
uint32_t reader_u32be(struct reader *r);

/* A view of the next `n` bytes, which are skipped; NULL on failure (also for n == 0 after one). */
const uint8_t *reader_bytes(struct reader *r, size_t n);
/* Copies `n` bytes out; zero-fills `out` on failure. */
void reader_copy(struct reader *r, void *out, size_t n);
void reader_skip(struct reader *r, size_t n);
/* A sub-reader over the next `n` bytes, which are skipped in `r`. Failed if `r` failed. */
struct reader reader_sub(struct reader *r, size_t n);

/* Ends a parser: trailing bytes are a failure. Returns the code and stores where it failed. */
enum format_code reader_end(struct reader *r, uint64_t *ret_offset);
/* Like reader_end, but leaves the rest unread without complaint. */
enum format_code reader_result(const struct reader *r, uint64_t *ret_offset);
