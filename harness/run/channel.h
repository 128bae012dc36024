/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "format/scan.h"

/* Frames on their way down, kept until the socket takes them. */
struct outbox {
	uint8_t *data;
	size_t size;
	size_t sent;
	uint32_t sequence;
};

/* One frame with this JSON text as its payload. -EMSGSIZE, -ENOMEM. */
int outbox_put(struct outbox *o, enum frame_type type, const char *json, struct err *e);
/* Sends what the socket takes now. *ret_empty: nothing is left. */
int outbox_flush(struct outbox *o, int fd, bool *ret_empty, struct err *e);
void outbox_done(struct outbox *o);
