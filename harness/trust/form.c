// SPDX-License-Identifier: Apache-2.0
#include "trust/form.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "format/text.h"

const char *const form_names[FORM_COUNT] = {
        [FORM_BINARY] = "binary", [FORM_HEX] = "hex",
        [FORM_BASE64] = "base64", [FORM_BASE64URL] = "base64url",
        [FORM_JSON] = "json",     [FORM_JWT] = "jwt",
        [FORM_PEM] = "pem",       [FORM_DATA_URL] = "data-url",
};

void form_done(struct form_bytes *b)
{
	free(b->data);
	*b = (struct form_bytes){0};
}

/* ---- hexadecimal and base64 ---- */

/* The text without white space, with room for padding; the caller frees it. */
static char *squeeze(const char *text, size_t length, size_t *ret_length)
{
	char *out = malloc(length + 4);
	size_t n = 0;

	for (size_t i = 0; out && i < length; i++) {
		if (!isspace((unsigned char)text[i]))
			out[n++] = text[i];
	}
	*ret_length = n;
	return out;
}

/* Turns base64url into base64 and adds the padding that is missing; false for a mixture. */
static bool to_base64(char *text, size_t *length, bool *ret_url)
{
	bool url = memchr(text, '-', *length) || memchr(text, '_', *length);
	bool padded = *length && text[*length - 1] == '=';

	if (url && (memchr(text, '+', *length) || memchr(text, '/', *length)))
		return false;
	for (size_t i = 0; i < *length; i++)
		text[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	while (!padded && *length % 4 > 1)
		text[(*length)++] = '=';
	*ret_url = url;
	return true;
}

int form_text(const char *text, size_t length, struct form_bytes *ret)
{
	size_t n, size = 0, skip;
	_cleanup_(freep) char *digits = squeeze(text, length, &n);
	_cleanup_(freep) uint8_t *bytes = digits ? malloc(BASE64_DECODED_MAX(n + 3)) : NULL;
	enum form form = FORM_HEX;
	bool url;

	if (!bytes)
		return -ENOMEM;
	skip = n > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') ? 2 : 0;
	if (hex_decode(digits + skip, n - skip, bytes, &size) != FORMAT_OK) {
		if (!to_base64(digits, &n, &url) ||
		    base64_decode(digits, n, bytes, &size) != FORMAT_OK)
			return -EBADMSG;
		form = url ? FORM_BASE64URL : FORM_BASE64;
	}
	if (!size)
		return -EBADMSG;
	*ret = (struct form_bytes){TAKE_PTR(bytes), size, form};
	return 0;
}

/* ---- JSON ---- */

static int from_numbers(const json_t *array, struct form_bytes *ret)
{
	size_t size = json_array_size(array);
	_cleanup_(freep) uint8_t *bytes = malloc(size + 1);

	if (!bytes)
		return -ENOMEM;
	for (size_t i = 0; i < size; i++) {
		const json_t *n = json_array_get(array, i);

		if (!json_is_integer(n) || json_integer_value(n) < 0 ||
		    json_integer_value(n) > UINT8_MAX)
			return -EBADMSG;
		bytes[i] = (uint8_t)json_integer_value(n);
	}
	if (!size)
		return -EBADMSG;
	*ret = (struct form_bytes){TAKE_PTR(bytes), size, FORM_JSON};
	return 0;
}

int form_json(const json_t *value, struct form_bytes *ret)
{
	if (json_is_array(value))
		return from_numbers(value, ret);
	if (!json_is_string(value))
		return -EBADMSG;
	return form_text(json_string_value(value), json_string_length(value), ret);
}
