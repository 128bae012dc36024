/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/err.h"
#include "core/json.h"
#include "format/code.h"
#include "format/quote.h"
#include "format/tdreport.h"
#include "tception/fields.h"
#include "trust/form.h"

/* What the verbs that take evidence from files share. */

struct input {
	uint8_t *data; /* heap */
	size_t size;
	enum form form; /* how it was written: `data` is always the bytes */
};

/* A file, or standard input for "-", of at most `max` bytes; -EFBIG beyond that. */
int input_read(const char *path, size_t max, struct input *ret, struct err *e);
void input_done(struct input *in);
enum cell_piece { CELL_QUOTE, CELL_TDREPORT, CELL_EVENTLOG };
/* The same, or that piece of a run's evidence for "DIR:CELL". */
int input_piece(const char *path, enum cell_piece piece, size_t max, struct input *ret,
                struct err *e);

bool input_is_dir(const char *path);
/* Calls `f` for every regular file of a folder that is not hidden, by name. Stops at a failure. */
typedef int (*input_file_fn)(void *context, const char *path, struct err *e);
int input_each_file(const char *dir, input_file_fn f, void *context, struct err *e);

/* A quote or TDREPORT from a file in any form of trust/form.h; views point into *ret_input.
 * -EBADMSG and *ret_fault for bytes that are none. */
int input_quote(const char *path, struct input *ret_input, struct quote *ret,
                struct format_fault *ret_fault, struct err *e);
int input_tdreport(const char *path, struct tdreport *ret, struct format_fault *ret_fault,
                   struct err *e);

/* {"error":{"code":..., "offset":..., "text":...}} on standard output. */
void input_print_refusal(const struct format_fault *fault, const char *text);

/* Writes indented JSON and a newline, and drops the reference. Returns -ENOMEM for NULL. */
int json_print(json_t *root);
