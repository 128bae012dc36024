/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "format/bytes.h"

/*
 * A child process that hands hostile bytes to a library which might not survive them. It can
 * compute, allocate, read one file and answer; every other system call fails with EPERM (seccomp),
 * and memory and processor time are limited. No privilege is needed. Whatever happens to it, the
 * caller gets one line.
 */
struct confined;

struct confined_spec {
	const char *what; /* that is read, as in "damaged %s" */
	/* Runs in the child, for each request: answers by any number of confined_write(), and at
	 * last by 0 or a negative errno with its text. `userdata` is the child's own copy. */
	int (*serve)(void *userdata, struct confined *c, struct bytes request, struct err *e);
	void *userdata;
	int fd;           /* a file that may be read by pread(), or -1 */
	size_t memory;    /* bytes beyond what the caller has mapped */
	unsigned seconds; /* of processor time */
};

#define CONFINED_REQUEST_MAX 4096 /* bytes */

/* Libraries have to be loaded before. -ENOTSUP where the kernel has no seccomp filters. */
int confined_start(const struct confined_spec *spec, struct confined **ret, struct err *e);
void confined_end(struct confined *c); /* NULL is right */

/* Within serve(): a part of the answer. The child ends when its caller is gone. */
void confined_write(struct confined *c, const void *data, size_t size);
/* CONFINED_PART bytes that reach the caller without being copied when they are written from. */
#define CONFINED_PART (128u << 10)
uint8_t *confined_buffer(struct confined *c);

/* Whether this is a build with AddressSanitizer, which no limit of memory suits. */
bool confine_is_sanitized(void);

/*
 * Asks the child. `take` gets the answer's parts in order, at most `max` bytes in all; it may be
 * NULL. The child may still change what `take` sees: it is to be read once, so hashed or copied. Returns what serve() did, its text made fit to be shown, or what take() did; -EBADMSG
 * "damaged ..." when the child has died, now or before, and when it answered more than `max`.
 */
typedef int (*confined_take)(void *userdata, const void *data, size_t size, struct err *e);
int confined_ask(struct confined *c, struct bytes request, size_t max, confined_take take,
                 void *userdata, struct err *e);
/* The same with the answer as one heap copy, the caller's to free. */
int confined_read(struct confined *c, struct bytes request, size_t max, struct bytes *ret,
                  struct err *e);
