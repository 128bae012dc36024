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

#define DEPTH_MAX 8

const char *const form_names[FORM_COUNT] = {
        [FORM_BINARY] = "binary",       [FORM_HEX] = "hex",   [FORM_BASE64] = "base64",
        [FORM_BASE64URL] = "base64url", [FORM_JSON] = "json", [FORM_JWT] = "jwt",
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

static bool is_called_quote(const char *key)
{
	static const char *const names[] = {"quote", "td_quote", "tdx_quote", "tdreport",
	                                    "evidence"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcasecmp(key, names[i]) == 0)
			return true;
	}
	return false;
}

static int find_in_value(const char *key, const json_t *value, unsigned depth,
                         struct form_bytes *ret);

/* -EBADMSG: there is none. */
static int find_quote(const json_t *json, unsigned depth, struct form_bytes *ret)
{
	const json_t *value;
	const char *key;
	int r = -EBADMSG;
	size_t i;

	if (json_is_object(json)) {
		json_object_foreach((json_t *)json, key, value)
		{
			if ((r = find_in_value(key, value, depth, ret)) != -EBADMSG)
				return r;
		}
	} else {
		json_array_foreach(json, i, value)
		{
			if ((r = find_in_value("", value, depth, ret)) != -EBADMSG)
				return r;
		}
	}
	return -EBADMSG;
}

static int find_in_value(const char *key, const json_t *value, unsigned depth,
                         struct form_bytes *ret)
{
	int r = is_called_quote(key) ? form_json(value, ret) : -EBADMSG;

	if (r == -EBADMSG && depth < DEPTH_MAX && (json_is_object(value) || json_is_array(value)))
		r = find_quote(value, depth + 1, ret);
	return r;
}

static int from_json(const char *text, size_t size, enum form form, struct form_bytes *ret,
                     struct err *e)
{
	json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	int r = json ? find_quote(json, 1, ret) : -EBADMSG;

	if (r == -ENOMEM)
		r = err_nomem(e);
	else if (!json)
		r = err_set(e, r, "malformed JSON");
	else if (r < 0)
		r = err_set(e, r,
		            "JSON without a quote (\"quote\", \"td_quote\", \"tdx_quote\", "
		            "\"tdreport\" or \"evidence\")");
	else
		ret->form = form;
	json_decref(json);
	return r;
}

/* HEADER.PAYLOAD.SIGNATURE; NULL when the text is not of that form. */
static const char *jwt_payload(const char *text, size_t size, size_t *ret_size)
{
	const char *first = memchr(text, '.', size), *last;

	if (!first || first == text)
		return NULL;
	last = memchr(first + 1, '.', size - (size_t)(first + 1 - text));
	if (!last || memchr(last + 1, '.', size - (size_t)(last + 1 - text)))
		return NULL;
	*ret_size = (size_t)(last - first - 1);
	return first + 1;
}

static int from_jwt(const char *payload, size_t size, struct form_bytes *ret, struct err *e)
{
	_cleanup_(form_done) struct form_bytes json = {0};
	int r = form_text(payload, size, &json);

	if (r == -ENOMEM)
		return err_nomem(e);
	if (r < 0)
		return err_set(e, r, "a token whose payload is not base64url");
	r = from_json((const char *)json.data, json.size, FORM_JWT, ret, e);
	return r < 0 ? err_prefix(e, "a token's payload") : 0;
}

/* ---- all of them ---- */

/* Bytes that only binary has are below the space. */
static bool is_text(const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)data[i] < ' ' && !isspace((unsigned char)data[i]))
			return false;
	}
	return size > 0;
}

static int as_it_is(const void *data, size_t size, struct form_bytes *ret, struct err *e)
{
	uint8_t *copy = malloc(size + 1);

	if (!copy)
		return err_nomem(e);
	memcpy(copy, data, size);
	*ret = (struct form_bytes){copy, size, FORM_BINARY};
	return 0;
}

int form_quote(const void *data, size_t size, struct form_bytes *ret, struct err *e)
{
	const char *text = data, *payload;
	size_t length = size, payload_size;
	int r;

	if (!is_text(text, length))
		return as_it_is(data, size, ret, e);
	for (; length && isspace((unsigned char)*text); text++)
		length--;
	if (length && (*text == '{' || *text == '['))
		return from_json(text, length, FORM_JSON, ret, e);
	if ((payload = jwt_payload(text, length, &payload_size)))
		return from_jwt(payload, payload_size, ret, e);
	r = form_text(text, length, ret);
	if (r == -ENOMEM)
		return err_nomem(e);
	return r == 0 ? 0
	              : err_set(e, r,
	                        "text that is neither hexadecimal, base64, base64url nor JSON or a "
	                        "token with a quote in it");
}
