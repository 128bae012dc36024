/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "core/err.h"

/*
 * A text stream (console, QEMU's own output, the module's log) on its way into a file. What a guest
 * can write is bounded: after `limit` bytes the file gets a last line saying so and the rest is
 * read and dropped. The last SINK_TAIL bytes are kept in memory.
 */
#define SINK_LIMIT (16u << 20)
#define SINK_TAIL  8192

struct sink;
/* Takes over `fd`. The file is made in `dir_fd`, which must not have it yet. */
int sink_new(sd_event *event, int fd, int dir_fd, const char *name, uint64_t limit,
             struct sink **ret, struct err *e);
/* Reads what is still in the stream, without waiting. */
void sink_drain(struct sink *s);
void sink_free(struct sink *s);

/* The last `lines` lines as printable ASCII, the rest of it as '?'; caller frees. */
char *sink_tail(const struct sink *s, unsigned lines);
/* CLOCK_MONOTONIC microseconds of the last byte, 0 when there was none. */
uint64_t sink_last_usec(const struct sink *s);
