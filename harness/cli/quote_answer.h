/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "core/err.h"
#include "tception/answer.h"

enum answer_form { ANSWER_TEXT, ANSWER_LINE, ANSWER_JSON, ANSWER_JSON_LINE };

/* -EIO, -ENOMEM */
int answer_print(const struct answer *a, enum answer_form form, FILE *out, struct err *e);
/* The JSON of a call that came to no quote: {"error": {"code": ..., "offset": null,
 * "text": ...}} */
int answer_print_failure(const char *code, const char *text, FILE *out);
