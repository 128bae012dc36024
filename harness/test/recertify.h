/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <check.h>
#include <string.h>

#include "format/quote.h"

/*
 * Copies a quote of version 4 or 5 with other certification data, which no signature covers; sizes
 * of all three wrappers follow. Returns the bytes written to `out`, of QUOTE_MAX.
 */
static inline size_t recertify(const void *quote, size_t quote_size, uint16_t type,
                               const void *data, size_t size, uint8_t *out)
{
	struct quote q;
	size_t at, signature_data;

	ck_assert_int_eq(quote_parse(quote, quote_size, &q, NULL), FORMAT_OK);
	at = (size_t)(q.cert_data.data - (const uint8_t *)quote);
	signature_data = (size_t)(q.signature_data.data - (const uint8_t *)quote);
	ck_assert_uint_le(at + size, QUOTE_MAX);
	memcpy(out, quote, at);
	memcpy(out + at, data, size);
	memcpy(out + at - 6, &type, 2);
	memcpy(out + at - 4, &(uint32_t){(uint32_t)size}, 4);
	memcpy(out + signature_data + 130,
	       &(uint32_t){(uint32_t)(at + size - signature_data - 134)}, 4);
	memcpy(out + signature_data - 4, &(uint32_t){(uint32_t)(at + size - signature_data)}, 4);
	return at + size;
}
