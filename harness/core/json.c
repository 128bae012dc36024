/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/time.h"
#include "format/text.h"

void jsonx_fail(struct jsonx *x, const char *key, const char *why)
{
	if (x->failed)
		return;
	x->failed = true;
	snprintf(x->what, sizeof(x->what), "%s: %s", key, why);
}

static const json_t *get(struct jsonx *x, const json_t *o, const char *key, json_type type)
{
	const json_t *v = x->failed ? NULL : json_object_get(o, key);

	if (v && json_typeof(v) == type)
		return v;
	jsonx_fail(x, key, v ? "of the wrong type" : "missing");
	return NULL;
}

const json_t *jsonx_object(struct jsonx *x, const json_t *o, const char *key)
{
	return get(x, o, key, JSON_OBJECT);
}

const json_t *jsonx_array(struct jsonx *x, const json_t *o, const char *key, size_t max)
{
	const json_t *v = get(x, o, key, JSON_ARRAY);

	if (v && json_array_size(v) > max) {
		jsonx_fail(x, key, "too many elements");
		return NULL;
	}
	return v;
}

const char *jsonx_string(struct jsonx *x, const json_t *o, const char *key)
{
	const json_t *v = get(x, o, key, JSON_STRING);

	return v ? json_string_value(v) : "";
}

void jsonx_text(struct jsonx *x, const json_t *o, const char *key, char *out, size_t size)
{
	const char *text = jsonx_string(x, o, key);

	if (strlen(text) >= size)
		jsonx_fail(x, key, "too long");
	else
		memcpy(out, text, strlen(text) + 1);
}

uint64_t jsonx_uint(struct jsonx *x, const json_t *o, const char *key, uint64_t max)
{
	const json_t *v = get(x, o, key, JSON_INTEGER);

	if (!v)
		return 0;
	if (json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > max) {
		jsonx_fail(x, key, "out of range");
		return 0;
	}
	return (uint64_t)json_integer_value(v);
}

void jsonx_hex(struct jsonx *x, const json_t *o, const char *key, uint8_t *out, size_t size)
{
	const char *text = jsonx_string(x, o, key);
	size_t n = 0;

	memset(out, 0, size);
	if (x->failed)
		return;
	if (strlen(text) != 2 * size || hex_decode(text, 2 * size, out, &n) != FORMAT_OK ||
	    n != size)
		jsonx_fail(x, key, "not hexadecimal of the right length");
}

time_t jsonx_date(struct jsonx *x, const json_t *o, const char *key, char text[JSONX_DATE_SIZE])
{
	const char *s = jsonx_string(x, o, key);
	time_t t = 0;

	if (!x->failed && time_read(s, &t) < 0)
		jsonx_fail(x, key, "not a date");
	if (!x->failed && text)
		memcpy(text, s, JSONX_DATE_SIZE);
	return t;
}

/* ---- what may be missing ---- */

const char *member_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

bool member_bool(const json_t *object, const char *name, bool fallback)
{
	const json_t *m = json_object_get(object, name);

	return json_is_boolean(m) ? json_is_true(m) : fallback;
}

double member_number(const json_t *object, const char *name, double fallback)
{
	const json_t *m = json_object_get(object, name);

	return json_is_number(m) ? json_number_value(m) : fallback;
}

json_int_t member_integer(const json_t *object, const char *name, json_int_t fallback)
{
	const json_t *m = json_object_get(object, name);

	return json_is_integer(m) ? json_integer_value(m) : fallback;
}

const char *member_errno(const json_t *object, const char *name)
{
	json_int_t number = member_integer(object, name, 0);
	const char *symbol = NULL;

	/* The number is the fact; a name that a guest wrote is not looked at. */
	if (number > 0 && number < 4096)
		symbol = strerrorname_np((int)number);
	return symbol ? symbol : "";
}

int member_bytes(const json_t *object, const char *name, uint8_t **ret, size_t *ret_size)
{
	const json_t *m = json_object_get(object, name);
	size_t length = json_string_length(m), size;
	uint8_t *data;

	if (!json_is_string(m))
		return -EINVAL;
	data = malloc(BASE64_DECODED_MAX(length));
	if (!data)
		return -ENOMEM;
	if (base64_decode(json_string_value(m), length, data, &size) != FORMAT_OK) {
		free(data);
		return -EINVAL;
	}
	*ret = data;
	*ret_size = size;
	return 0;
}

/* ---- writing ---- */

json_t *text_or_null(const char *text)
{
	return text && text[0] ? json_string(text) : json_null();
}

json_t *json_hex(const void *data, size_t size)
{
	_cleanup_(freep) char *hex = data ? malloc(HEX_ENCODED_SIZE(size)) : NULL;

	if (!hex)
		return data ? NULL : json_null();
	hex_encode(data, size, hex);
	return json_string(hex);
}

json_t *json_date(time_t t)
{
	char text[TIME_TEXT_SIZE];

	return t ? json_string(time_text(t, text)) : json_null();
}

/* ---- raw bytes ---- */

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* jansson reads one value and says where it ended; NULL when there is none. */
static const char *skip_value(const char *p, const char *end, json_t **ret)
{
	json_error_t error;
	json_t *v = json_loadb(p, (size_t)(end - p),
	                       JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES,
	                       &error);

	if (!v)
		return NULL;
	*ret = v;
	return p + error.position;
}

/* Reads `"key": value`; the value's bytes are [*value, return). */
static const char *skip_pair(const char *p, const char *end, json_t **ret_key, const char **value)
{
	json_t *v = NULL;
	const char *after;

	if (p == end || *p != '"' || !(p = skip_value(p, end, ret_key)))
		return NULL;
	p = skip_space(p, end);
	if (p == end || *p != ':')
		return NULL;
	*value = skip_space(p + 1, end);
	after = skip_value(*value, end, &v);
	json_decref(v);
	return after;
}

const char *jsonx_raw(const char *text, size_t size, const char *key, size_t *ret_size)
{
	const char *end = text + size, *p = skip_space(text, end), *value, *found = NULL;
	bool more = true;

	/* No JSON has a NUL, but jansson loses one behind a number, and its count of
	 * bytes with it. */
	if (memchr(text, '\0', size) || p == end || *p++ != '{')
		return NULL;
	while (more) {
		json_t *name = NULL;
		bool wanted;

		p = skip_pair(skip_space(p, end), end, &name, &value);
		wanted = p && strcmp(json_string_value(name), key) == 0;
		json_decref(name);
		if (!p || (wanted && found))
			return NULL;
		if (wanted) {
			found = value;
			*ret_size = (size_t)(p - value);
		}
		p = skip_space(p, end);
		if (p == end || (*p != ',' && *p != '}'))
			return NULL;
		more = *p++ == ',';
	}
	return skip_space(p, end) == end ? found : NULL;
}
