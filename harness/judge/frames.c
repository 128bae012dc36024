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
