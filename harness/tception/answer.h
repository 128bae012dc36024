/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <time.h>

#include "core/err.h"
#include "format/code.h"
#include "format/quote.h"
#include "trust/form.h"
#include "trust/policy.h"
#include "trust/verify.h"

/* All that is said about one quote, by the library and by `quote verify`: one code, one answer. */

#define ANSWER_INPUT_MAX \
	(4u << 20) /* bytes of a quote in any form: some JSON holds an event log too */

/* Begins as {.name = ...} and is never copied: `quote` points into it. */
struct answer {
	const char *name;          /* what the caller calls the quote: a path */
	struct format_fault fault; /* code FORMAT_OK unless the bytes are no quote */
	char why[200];             /* more about that, or "" */
	char text[200];            /* why there is nothing to read at all, else "" */
	struct form_bytes bytes;
	struct quote parsed;       /* points into `bytes` */
	const struct quote *quote; /* `parsed`, or NULL */
	struct verdict v;
	struct policy_result policy;
};

/* Reads a quote in any form of trust/form.h, verifies it as of `at` and applies the policy. All
 * that is wrong with the quote is in *a; -ENOMEM. */
int answer_judge(struct answer *a, struct verifier *v, const struct policy *p, const void *data,
                 size_t size, time_t at, struct err *e);
/* The first of these three alone: afterwards `quote`, `fault` or `text` says something. */
int answer_read(struct answer *a, const void *data, size_t size, struct err *e);
/* The answer for a quote whose bytes could not be had. */
void answer_unreadable(struct answer *a, const struct err *e);
void answer_done(struct answer *a);

/* New objects, with the members that tception.1 tells; NULL without memory. The second is of a call that came to no
 * quote: {"error": {"code": ..., "offset": null, "text": ...}}. */
json_t *answer_json(const struct answer *a);
json_t *answer_failure_json(const char *code, const char *text);
