/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/err.h"

/*
 * A QEMU command line, taken apart as QEMU does it: each option has one value or none, whatever the
 * value begins with (system/vl.c, qemu-options.hx). Seen with `-help` of 7.2, 10.0 and 11.1.
 */
struct qemu_option {
	const char *name;  /* with one dash; "-hda" for the image of a disk without an option */
	const char *value; /* NULL: it takes none */
};

/*
 * The option at **at, which moves behind it; both point into the vector. 1 with *ret filled, 0 at the
 * vector's NULL, -EINVAL where the value is missing.
 */
int qemu_option_next(char *const **at, struct qemu_option *ret, struct err *e);

/*
 * What -device, -object, -drive and their like are given: "a,b=c,d" (",," is a comma, "d" is "d=on") or
 * JSON, as an object in that order. The first part has the key `first` where it names none. NULL: neither.
 */
json_t *qemu_value_read(const char *value, const char *first);
/* The same back, in the form `like` has. On the heap, or NULL. */
char *qemu_value_write(const json_t *object, const char *first, const char *like);

/* A member as text, also where JSON has a number or a bool; "" where there is none. */
const char *qemu_value_text(const json_t *object, const char *key, char buffer[24]);
/* The same where it can only be a string. */
const char *qemu_value_name(const json_t *object, const char *key);
bool qemu_value_is_on(const json_t *object, const char *key);
