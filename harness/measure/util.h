/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_MEASURE_UTIL_H
#define TCEPTION_MEASURE_UTIL_H

#include <stdint.h>

#include "core/err.h"
#include "format/quote.h"
#include "format/reader.h"

/* "what: bad-size at byte 123": the error of a failed reader. Returns -EBADMSG. */
int measure_bad(struct err *e, const struct reader *r, const char *what);

/* A whole file of at most `max` bytes, as a heap copy. -EFBIG beyond that. */
int measure_read_file(const char *path, size_t max, struct bytes *ret, struct err *e);
static inline void bytes_free(struct bytes *b)
{
	__builtin_free((void *)b->data);
}

/* A GUID as it is stored: the first three fields little-endian. */
#define GUID_SIZE 16
#define GUID(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                              \
	{                                                                                          \
		(a) & 0xff, ((a) >> 8) & 0xff, ((a) >> 16) & 0xff, (uint8_t)((uint32_t)(a) >> 24), \
		        (b)&0xff, (b) >> 8, (c)&0xff, (c) >> 8, d0, d1, d2, d3, d4, d5, d6, d7     \
	}

#endif
