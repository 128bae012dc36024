/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

/*
 * One GET over http or https with libcurl, which is loaded by http_open(): nothing else waits for
 * it, -ENOPKG without. Redirects are followed up to five times, to the same scheme, host and port
 * only: elsewhere is not where the user sent us.
 */
struct http;

struct http_options {
	const char *ca_file; /* PEM to check the server with, or NULL for the system's */
	bool insecure;       /* do not check the server */
	unsigned timeout_s;  /* for an answer as a whole, 0: 30 */
};

struct http_answer {
	char *data; /* headers as served, an empty line, body; a NUL behind; heap */
	size_t size;
	size_t body_at;
	bool has_header; /* one of those that were asked for */
};
void http_answer_done(struct http_answer *a);

/* `options` are borrowed. */
int http_open(const struct http_options *options, struct http **ret, struct err *e);
void http_close(struct http *h); /* NULL is fine */
/*
 * `headers` (up to a NULL; or NULL) are names to look for in the answer. -EFBIG for more than 8 MiB;
 * -EIO for anything but an answer of status 200, and who is to blame: name, connection, certificate,
 * slowness, status, redirect.
 */
int http_get(struct http *h, const char *url, const char *const headers[], struct http_answer *ret,
             struct err *e);
