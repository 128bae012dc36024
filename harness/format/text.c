/* SPDX-License-Identifier: Apache-2.0 */
#include "format/text.h"

static const char base64_digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t size, char *out)
{
	const uint8_t *p = data;

	for (; size >= 3; p += 3, size -= 3) {
		*out++ = base64_digits[p[0] >> 2];
		*out++ = base64_digits[(p[0] & 3) << 4 | p[1] >> 4];
		*out++ = base64_digits[(p[1] & 15) << 2 | p[2] >> 6];
		*out++ = base64_digits[p[2] & 63];
	}
	if (size > 0) {
		*out++ = base64_digits[p[0] >> 2];
		*out++ = base64_digits[(p[0] & 3) << 4 | (size > 1 ? p[1] >> 4 : 0)];
		*out++ = size > 1 ? base64_digits[(p[1] & 15) << 2] : '=';
		*out++ = '=';
	}
	*out = 0;
}

/* What a character carries, plus one; 0: it is none of base64's. */
#define RANGE(c, n) [c] = (n) + 1, [(c) + 1] = (n) + 2
static const uint8_t base64_values[256] = {
        RANGE('A', 0),  RANGE('C', 2),  RANGE('E', 4),  RANGE('G', 6),  RANGE('I', 8),
        RANGE('K', 10), RANGE('M', 12), RANGE('O', 14), RANGE('Q', 16), RANGE('S', 18),
        RANGE('U', 20), RANGE('W', 22), RANGE('Y', 24), RANGE('a', 26), RANGE('c', 28),
        RANGE('e', 30), RANGE('g', 32), RANGE('i', 34), RANGE('k', 36), RANGE('m', 38),
        RANGE('o', 40), RANGE('q', 42), RANGE('s', 44), RANGE('u', 46), RANGE('w', 48),
        RANGE('y', 50), RANGE('0', 52), RANGE('2', 54), RANGE('4', 56), RANGE('6', 58),
        RANGE('8', 60), ['+'] = 63,     ['/'] = 64,
};
#undef RANGE

static int base64_value(char c)
{
	return base64_values[(uint8_t)c] - 1;
}

/* `digits` of the four characters carry bits; the bits that no byte takes must be zero. */
static enum format_code decode_quad(const char *text, size_t digits, uint8_t out[3])
{
	uint32_t bits = 0;

	for (size_t i = 0; i < digits; i++) {
		int value = base64_value(text[i]);

		if (value < 0)
			return FORMAT_BAD_ENCODING;
		bits |= (uint32_t)value << (18 - 6 * i);
	}
	if (bits & (0xffffffu >> (8 * (digits - 1))))
		return FORMAT_BAD_ENCODING;
	for (size_t i = 0; i + 1 < digits; i++)
		out[i] = (uint8_t)(bits >> (16 - 8 * i));
	return FORMAT_OK;
}

enum format_code base64_decode(const char *text, size_t length, uint8_t *out, size_t *ret_size)
{
	size_t padding = 0, size = 0;

	if (length % 4 != 0)
		return FORMAT_BAD_ENCODING;
	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	for (size_t at = 0; at < length; at += 4) {
		const size_t digits = at + 4 == length ? 4 - padding : 4;
		enum format_code code = decode_quad(text + at, digits, out + size);

		if (code != FORMAT_OK)
			return code;
		size += digits - 1;
	}
	*ret_size = size;
	return FORMAT_OK;
}

void hex_encode(const void *data, size_t size, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;

	for (size_t i = 0; i < size; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum format_code hex_decode(const char *text, size_t length, uint8_t *out, size_t *ret_size)
{
	if (length % 2 != 0)
		return FORMAT_BAD_ENCODING;
	for (size_t i = 0; i < length; i += 2) {
		int high = hex_value(text[i]), low = hex_value(text[i + 1]);

		if (high < 0 || low < 0)
			return FORMAT_BAD_ENCODING;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	*ret_size = length / 2;
	return FORMAT_OK;
}
