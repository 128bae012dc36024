/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/json.h"
#include "format/frame.h"

/* One layer's channel as a row of frames, over hostile bytes. */
struct frame_cursor {
	const uint8_t *data;
	size_t size;
	size_t pos;        /* of the next frame */
	char problem[120]; /* why the row ended early, "" while it is good */
};

struct frame_view { /* points into the cursor's bytes */
	struct frame_header header;
	size_t offset;        /* of the header */
	const uint8_t *bytes; /* header and payload */
	size_t size;
	const uint8_t *payload; /* header.length bytes */
};

/* Whether there was another whole frame; else the end was reached, or `problem` says what it is. */
bool frames_next(struct frame_cursor *c, struct frame_view *ret);

/* Puts the frames of one type into `out`, of as many bytes, which may be `data` itself; how many. */
size_t frames_only(enum frame_type type, const uint8_t *data, size_t size, uint8_t *out);

/* The payload as a JSON object, or NULL. Nesting is bounded by the parser, size by the frame. */
json_t *frame_json(const struct frame_view *f);

/*
 * The same without the text of its member "data" where that is long and has no escapes: then `ret`
 * is a view of the text, and the member is there as "". Most of the evidence is such text, and a
 * parser of JSON takes and copies it byte by byte.
 */
struct frame_data {
	const char *text; /* or NULL: nothing was left out */
	size_t size;
};
json_t *frame_json_but_data(const struct frame_view *f, struct frame_data *ret);
/* The bytes of that member, wherever its text is; as member_bytes(). */
int frame_data_bytes(const json_t *o, const struct frame_data *d, uint8_t **ret, size_t *ret_size);
