/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_MEASURE_LOG_FORM_H
#define TCEPTION_MEASURE_LOG_FORM_H

#include "core/err.h"
#include "format/bytes.h"

/* In which form an event log comes. Private to this room. */

/*
 * Takes off what people wrap a log in: gzip (RFC 1952), UTF-8's byte order mark, the lines of PEM
 * around it, a member "ccel" or "cc_eventlog" of JSON, and hexadecimal, base64 or base64url with
 * white space anywhere. 0 with a heap copy in *ret (free with bytes_free()), whose data is NULL
 * when nothing was around it; -EBADMSG for a damaged or too long gzip file; -ENOMEM.
 */
int log_unwrap(struct bytes data, struct bytes *ret, struct err *e);

/*
 * What the bytes are when they are something else that people take for a TD's event log, and where
 * to get that: one line, or NULL when nothing is known against them.
 */
const char *log_is_something_else(struct bytes data);

#endif
