/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/frame.h"
#include "format/sha2.h"

/*
 * One end of a frame channel: the virtio port of a VM, stdin and stdout of a container.
 * Sending keeps the running SHA-384 of the visit's evidence, see report_data_make().
 */
struct channel {
	int in, out;            /* borrowed descriptors, blocking */
	bool port;              /* a virtio port: EOF means that nobody is connected yet */
	uint32_t next;          /* sequence of the next frame we send */
	uint32_t expected;      /* sequence of the next frame we receive */
	struct sha512 evidence; /* of all bytes sent since channel_begin() */
};

void channel_init(struct channel *c, int in, int out, bool port);

/* A new visit begins: evidence is counted from the next frame on. */
void channel_begin(struct channel *c);
/* The evidence digest so far; the channel goes on counting. */
void channel_evidence(const struct channel *c, uint8_t digest[SHA384_SIZE]);

/* Sends one frame and releases `object`. -EMSGSIZE above FRAME_PAYLOAD_MAX: nothing is sent. */
int channel_send(struct channel *c, enum frame_type type, json_t *object);

/*
 * Waits for one frame. -ENODATA at the end of a pipe, -EPROTO for what is no frame in sequence or
 * no JSON object. Unknown types are returned too.
 */
int channel_receive(struct channel *c, uint16_t *ret_type, json_t **ret_object);

/* The bytes of one frame, for the caller to send and free. -EMSGSIZE above FRAME_PAYLOAD_MAX. */
int channel_encode(enum frame_type type, uint32_t sequence, const json_t *object, char **ret,
                   size_t *ret_size);
