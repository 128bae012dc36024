/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one error value of hosted code.
 *
 * A function that can fail returns 0 or a negative errno and takes a caller-owned
 * `struct err *` as its last argument. The text is one line that says what failed, where,
 * and what to do about it. Outputs are left untouched on failure. Library code never prints.
 */
struct err {
	int code;       /* negative errno of the first failure, 0 while there is none */
	int why;        /* which failure, in an enumeration of the room that says so; else 0 */
	char text[480]; /* one line, no newline at the end; always NUL-terminated */
};

/* Fills `e` (which may be NULL when nobody wants the text) and returns `code`. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Like err_set, with ": " and strerror(-code) appended. */
int err_sys(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* "out of memory"; returns -ENOMEM. */
int err_nomem(struct err *e);

/* "what: bad-size at byte 123", the error of a failed reader; returns -EBADMSG. */
struct reader;
int err_bad(struct err *e, const struct reader *r, const char *what);

/* Puts "prefix: " before the text already there and returns e->code (-EINVAL when e is NULL). */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
