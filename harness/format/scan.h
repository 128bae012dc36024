/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/frame.h"
#include "format/sha2.h"

/*
 * Follows frame boundaries over bytes that come in pieces of any size, without I/O of its own. It
 * looks at headers only, payloads are the judge's; of one kind it has the digest. The harness follows layer 0's channel so, and a
 * layer its child's: what children further in said is inside RELAY payloads, so a FRAME_DONE seen here
 * is that layer's own.
 */
struct frame_scanner {
	uint8_t header[FRAME_HEADER_SIZE];
	size_t have;          /* bytes of the header so far */
	uint32_t length;      /* of the frame's payload */
	uint32_t left;        /* bytes of it still to come */
	uint16_t type;        /* of the frame whose payload is coming */
	uint64_t position;    /* bytes scanned since the channel opened */
	struct sha256 digest; /* of the bytes scanned since whoever began it */
	struct sha256 key;    /* of the payload of a FRAME_KEY */
};

enum scan_result {
	SCAN_MORE,  /* everything was consumed, no boundary of interest */
	SCAN_READY, /* a FRAME_READY ended; likewise */
	SCAN_DONE,  /* a FRAME_DONE ended; bytes after it are not consumed */
	SCAN_CLOCK, /* a FRAME_CLOCK ended; likewise */
	SCAN_ASK,   /* a FRAME_ASK ended; likewise */
	SCAN_KEY,   /* a FRAME_KEY ended, `key` is its payload's digest; likewise */
	SCAN_GARBAGE,
};

/* Where the frame that has just ended begins, in bytes from the channel's opening. */
uint64_t frame_scan_begin(const struct frame_scanner *s);

/* `*ret_used` bytes were looked at; after SCAN_GARBAGE the scanner is of no more use. */
enum scan_result frame_scan(struct frame_scanner *s, const uint8_t *data, size_t size,
                            size_t *ret_used);

/* Bytes that nothing reads any more are scanned all the same; *size is 0 afterwards. */
void frame_scan_rest(struct frame_scanner *s, const uint8_t *data, size_t *size);
