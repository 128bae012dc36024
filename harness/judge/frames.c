/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/frames.h"

#include <stdio.h>

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
