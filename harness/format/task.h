/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <string.h>

/*
 * A program in a guest that `tception td` keeps, over a virtio port of its own: records, each a
 * byte that says what it is, a little-endian length and so many bytes. One program at a time; the
 * port is free again after END.
 */
#define TASK_HEADER_SIZE 5
#define TASK_RECORD_MAX  (64u << 10) /* bytes of one record, header not counted */
#define TASK_WINDOW      (64u << 10) /* bytes of INPUT that the guest holds at most */
#define TASK_PORTS       6           /* programs at once */

#define TASK_PORT_NAME   "tception-task."  /* and the number of the port */
#define TASK_QUOTES_NAME "tception-quotes" /* the port of guests/agent/td_quotes.c */
#define TASK_SHARE_NAME  "tception-share." /* and a number: FUSE's messages, agent/td_share.c */
#define TASK_SHARES      8
#define TASK_QUOTE_MAX   (64u << 10)       /* bytes of a request or an answer there */

enum task_record {
	/* host -> guest */
	TASK_RUN = 1,    /* JSON, see guests/agent/README.md */
	TASK_INPUT = 2,  /* bytes for its standard input; none: that is all */
	TASK_SIGNAL = 3, /* one byte, the signal's number */
	TASK_SIZE = 4,   /* of its terminal: rows and columns, 16 bits each */
	TASK_HANGUP = 5, /* nobody listens any more */
	/* guest -> host */
	TASK_WANT = 16,   /* 32 bits: so many more bytes of INPUT may come */
	TASK_OUTPUT = 17, /* bytes of its standard output, or of its terminal */
	TASK_ERROR = 18,  /* bytes of its standard error */
	TASK_END = 19,    /* JSON: how it ended; nothing of it follows */
};

static inline void task_put32(uint8_t out[4], uint32_t n)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(n >> (8 * i));
}

static inline uint32_t task_get32(const uint8_t in[4])
{
	return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static inline void task_header(uint8_t out[TASK_HEADER_SIZE], enum task_record type, uint32_t size)
{
	out[0] = (uint8_t)type;
	task_put32(out + 1, size);
}
