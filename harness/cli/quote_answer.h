/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_CLI_QUOTE_ANSWER_H
#define TCEPTION_CLI_QUOTE_ANSWER_H

#include <stdio.h>

#include "core/err.h"
#include "format/code.h"
#include "trust/policy.h"
#include "trust/verify.h"

/* All that `quote verify` says about one quote. */
struct answer {
	const char *path;
	struct format_fault fault; /* code FORMAT_OK unless the bytes are no quote */
	char text[200];            /* why the file could not be read at all, else "" */
	const struct quote *quote; /* NULL unless it was parsed */
	struct verdict v;
	struct policy_result policy;
};

enum answer_form { ANSWER_TEXT, ANSWER_LINE, ANSWER_JSON, ANSWER_JSON_LINE };

/* -EIO, -ENOMEM */
int answer_print(const struct answer *a, enum answer_form form, FILE *out, struct err *e);
/* The JSON of a call that came to no quote: {"error": {"code": ..., "offset": null,
 * "text": ...}} */
int answer_print_failure(const char *code, const char *text, FILE *out);

#endif
