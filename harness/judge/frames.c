/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/frames.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/text.h"

bool frames_next(struct frame_cursor *c, struct frame_view *ret)
{
	struct frame_view f = {.offset = c->pos};
	size_t left = c->size - c->pos;
	enum format_code code;
	uint64_t at = 0;

	if (left == 0 || c->problem[0])
		return false;
	f.bytes = c->data + c->pos;
	code = frame_header_parse(f.bytes, left, &f.header, &at);
	if (code != FORMAT_OK) {
		snprintf(c->problem, sizeof(c->problem), "no frame at byte %zu: %s", c->pos,
		         format_code_name(code));
		return false;
	}
	f.size = FRAME_HEADER_SIZE + (size_t)f.header.length;
	if (f.size > left) {
		snprintf(c->problem, sizeof(c->problem),
		         "the %s frame at byte %zu is cut off: %zu of %zu bytes",
		         frame_type_name(f.header.type), c->pos, left, f.size);
		return false;
	}
	f.payload = f.bytes + FRAME_HEADER_SIZE;
	c->pos += f.size;
	*ret = f;
	return true;
}

size_t frames_only(enum frame_type type, const uint8_t *data, size_t size, uint8_t *out)
{
	struct frame_cursor c = {.data = data, .size = size};
	struct frame_view f;
	size_t used = 0;

	while (frames_next(&c, &f)) {
		if (f.header.type != type)
			continue;
		memmove(out + used, f.bytes, f.size);
		used += f.size;
	}
	return used;
}

json_t *frame_json(const struct frame_view *f)
{
	json_t *object = json_loadb((const char *)f->payload, f->header.length,
	                            JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(object)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* ---- without its data ---- */

#define DATA_KEY  "\"data\":\""
#define DATA_LONG 256 /* bytes from which on it is worth it */

/* A string of JSON as it stands there, which nothing in it changes. */
static bool is_plain(const char *text, size_t size)
{
	bool plain = true;

	for (size_t i = 0; i < size; i++)
		plain &= text[i] >= ' ' && text[i] < 127 && text[i] != '\\';
	return plain;
}

static bool has(const char *text, size_t size, const char *what)
{
	return memmem(text, size, what, strlen(what));
}

/*
 * The value of the only "data" that there is, written without escapes and blanks: of the frame, or
 * of an object in it, which the caller tells apart. A quote within a string has a backslash before it.
 */
static bool find_data(const char *text, size_t size, struct frame_data *ret)
{
	const char *key = memmem(text, size, DATA_KEY, strlen(DATA_KEY)), *value, *end, *rest;
	size_t before, left;

	if (!key || key == text || key[-1] == '\\')
		return false;
	value = key + strlen(DATA_KEY);
	end = memchr(value, '"', (size_t)(text + size - value));
	if (!end || end - value < DATA_LONG || !is_plain(value, (size_t)(end - value)))
		return false;
	rest = end + 1;
	left = (size_t)(text + size - rest);
	before = (size_t)(key - text);
	*ret = (struct frame_data){value, (size_t)(end - value)};
	return !has(text, before, "\"data\"") && !has(rest, left, "\"data\"") &&
	       !has(text, before, "\\u") && !has(rest, left, "\\u");
}

json_t *frame_json_but_data(const struct frame_view *f, struct frame_data *ret)
{
	const char *text = (const char *)f->payload;
	size_t size = f->header.length, before, after;
	struct frame_data data;
	json_t *o = NULL;
	char *rest;

	*ret = (struct frame_data){NULL, 0};
	if (!find_data(text, size, &data))
		return frame_json(f);
	before = (size_t)(data.text - text);
	after = size - before - data.size;
	rest = malloc(before + after);
	if (rest) {
		memcpy(rest, text, before);
		memcpy(rest + before, data.text + data.size, after);
		o = json_loadb(rest, before + after, JSON_REJECT_DUPLICATES, NULL);
		free(rest);
	}
	if (!member_text(o, "data")) { /* it is not the frame's own */
		json_decref(o);
		return frame_json(f);
	}
	*ret = data;
	return o;
}

int frame_data_bytes(const json_t *o, const struct frame_data *d, uint8_t **ret, size_t *ret_size)
{
	uint8_t *data;

	if (!d->text)
		return member_bytes(o, "data", ret, ret_size);
	data = malloc(BASE64_DECODED_MAX(d->size));
	if (!data)
		return -ENOMEM;
	if (base64_decode(d->text, d->size, data, ret_size) != FORMAT_OK) {
		free(data);
		return -EINVAL;
	}
	*ret = data;
	return 0;
}
