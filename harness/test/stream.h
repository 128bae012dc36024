/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Frames as an agent sends them, made up. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "format/frame.h"
#include "format/sha2.h"
#include "format/text.h"

/* One direction of one channel. */
struct stream {
	uint8_t *data;
	size_t size;
	uint32_t sequence;
	struct sha512 digest; /* since the visit began */
};

static inline json_t *base64_json(const void *data, size_t size)
{
	char *text = malloc(BASE64_ENCODED_SIZE(size));
	json_t *j;

	base64_encode(data, size, text);
	j = json_string(text);
	free(text);
	return j;
}

static inline void stream_add(struct stream *s, const void *data, size_t size)
{
	s->data = realloc(s->data, s->size + size + 1);
	memcpy(s->data + s->size, data, size);
	s->size += size;
	sha512_update(&s->digest, data, size);
}

static inline void stream_raw(struct stream *s, enum frame_type type, const char *text, size_t size)
{
	struct frame_header h = {.type = type, .sequence = s->sequence++, .length = size};
	uint8_t header[FRAME_HEADER_SIZE];

	frame_header_write(&h, header);
	stream_add(s, header, sizeof(header));
	stream_add(s, text, size);
}

static inline void stream_frame(struct stream *s, enum frame_type type, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	ck_assert_ptr_nonnull(text);
	stream_raw(s, type, text, strlen(text));
	free(text);
	json_decref(object);
}
