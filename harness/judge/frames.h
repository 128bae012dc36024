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

/* The payload as a JSON object, or NULL. Nesting is bounded by the parser, size by the frame. */
json_t *frame_json(const struct frame_view *f);
