/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "format/frame.h"
#include "format/sha2.h"
#include "judge/frames.h"

struct layer_evidence;

/* One layer's frames being read. */
struct reading {
	const char *id;
	const char *child_id; /* of the layer it is to enter, or NULL */
	const uint8_t *nonce;
	bool probe;
	bool open;   /* the visit is not over: more may come */
	bool nested; /* its channel began with this visit, so numbers start at 0 */
	bool may_be_tiny;
	bool conformance; /* it runs guests/conformance */
	struct layer_evidence *layer;
	struct layer_evidence *child; /* or NULL */
	struct sha512 digest;         /* SHA-384 of the frames so far */
	uint32_t sequence;            /* the next frame's */
	struct frame_data data;       /* of this frame, left out of its JSON */
	size_t frames;
};

/* The first problem is the one that is told. */
void reading_problem(struct layer_evidence *l, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));
/* Adds `n` bytes to a heap buffer; -ENOMEM. */
int reading_append(uint8_t **data, size_t *size, size_t *capacity, const uint8_t *more, size_t n);

/* A frame about the layer that this one enters: ENTER, RELAY, STDERR or LEFT. 0 or -ENOMEM. */
int child_frame(struct reading *r, enum frame_type type, const json_t *o);
