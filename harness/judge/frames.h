/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_JUDGE_FRAMES_H
#define TCEPTION_JUDGE_FRAMES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* The payload as a JSON object, or NULL. Nesting is bounded by the parser, size by the frame. */
json_t *frame_json(const struct frame_view *f);

/* Members by name and type; the fallback for absent ones and ones of another type. */
const char *member_text(const json_t *object, const char *name); /* or NULL */
bool member_bool(const json_t *object, const char *name, bool fallback);
double member_number(const json_t *object, const char *name, double fallback);
json_int_t member_integer(const json_t *object, const char *name, json_int_t fallback);

/* The symbol of the errno in member `name`; "" when it is null, absent or no errno. */
const char *member_errno(const json_t *object, const char *name);

/* Decodes the base64 text in member `name`. *ret is malloc'ed. 0, -EINVAL, -ENOMEM. */
int member_bytes(const json_t *object, const char *name, uint8_t **ret, size_t *ret_size);

#endif
