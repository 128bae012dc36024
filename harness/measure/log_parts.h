/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "measure/log.h"

/* What reading an event log is made of. Private to this room. */

/* log.c: a new last event, NULL when there are too many of them or no memory. */
struct log_event *log_append(struct log *l, struct err *e);

/* log_json.c: fills an empty log, whose heap has data.size bytes, from JSON. */
int log_read_json(struct bytes data, struct log *l, struct format_fault *ret_fault, struct err *e);

/*
 * log_form.c: takes off what people wrap a log in: gzip (RFC 1952), UTF-8's byte order mark, the
 * lines of PEM around it, a member "ccel" or "cc_eventlog" of JSON, and hexadecimal, base64 or
 * base64url with white space anywhere. 0 with a heap copy in *ret (free with bytes_free()), whose
 * data is NULL when nothing was around it; -EBADMSG for a damaged or too long gzip file; -ENOMEM.
 */
int log_unwrap(struct bytes data, struct bytes *ret, struct err *e);

/*
 * log_form.c: what the bytes are when they are something else that people take for a TD's event
 * log, and where to get that: one line, or NULL when nothing is known against them.
 */
const char *log_is_something_else(struct bytes data);
