/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * Typed, bounded reading of JSON that someone else wrote. The first thing that is not as it must be
 * is remembered; everything after it yields zeros, so callers check once.
 */
struct jsonx {
	bool failed;
	char what[96]; /* what is wrong, for people: names of ours only, no text of the input */
};

#define JSONX_DATE_SIZE 21 /* "2026-01-27T09:01:45Z" and NUL */

void jsonx_fail(struct jsonx *x, const char *key, const char *why);
/* All of these want the key to be there. Strings and objects belong to `o`. */
const json_t *jsonx_object(struct jsonx *x, const json_t *o, const char *key);
const json_t *jsonx_array(struct jsonx *x, const json_t *o, const char *key, size_t max);
const char *jsonx_string(struct jsonx *x, const json_t *o, const char *key);
/* A text of less than `size` bytes, copied. */
void jsonx_text(struct jsonx *x, const json_t *o, const char *key, char *out, size_t size);
uint64_t jsonx_uint(struct jsonx *x, const json_t *o, const char *key, uint64_t max);
/* Exactly `size` bytes in hexadecimal of either case. */
void jsonx_hex(struct jsonx *x, const json_t *o, const char *key, uint8_t *out, size_t size);
/* "2026-01-27T09:01:45Z" as Intel writes it, and nothing else. `text` may be NULL. */
time_t jsonx_date(struct jsonx *x, const json_t *o, const char *key, char text[JSONX_DATE_SIZE]);

/*
 * The bytes of the value of top-level key `key` of the object in `text`, as they stand there: what
 * Intel's signatures cover. NULL when the text is no JSON object, a key occurs twice, or it is not
 * there. White space around the object is allowed, nothing else.
 */
const char *jsonx_raw(const char *text, size_t size, const char *key, size_t *ret_size);

/* ---- what may be missing ---- */

/* Members by name and type; the fallback for absent ones and ones of another type. */
const char *member_text(const json_t *object, const char *name); /* or NULL */
bool member_bool(const json_t *object, const char *name, bool fallback);
double member_number(const json_t *object, const char *name, double fallback);
json_int_t member_integer(const json_t *object, const char *name, json_int_t fallback);

/* The symbol of the errno in member `name`; "" when it is null, absent or no errno. */
const char *member_errno(const json_t *object, const char *name);

/* Decodes the base64 text in member `name`. *ret is malloc'ed. 0, -EINVAL, -ENOMEM. */
int member_bytes(const json_t *object, const char *name, uint8_t **ret, size_t *ret_size);

/* ---- writing; NULL without memory ---- */

json_t *text_or_null(const char *text);          /* null for NULL and "" */
json_t *json_hex(const void *data, size_t size); /* null for NULL */
json_t *json_date(time_t t);                     /* as core/time.h has it; null for 0 */
