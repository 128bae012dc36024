/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "core/json.h"
#include "judge/judge.h"

/* Parts of result.json that other JSON outputs have too; see results/README.md. NULL without
 * memory. */
json_t *time_or_null(double value);     /* three decimals; null when < 0: not measured */
json_t *findings_json(const struct isolation *i);
json_t *isolation_json(const struct isolation *i);
json_t *cost_json(const struct layer_cost *c);
json_t *layer_json(const struct layer_verdict *l);
json_t *cell_json(const struct judge_input *in, const struct cell_verdict *v);
json_t *boot_json(const struct boot_record *b);
json_t *host_json(const struct host_facts *h);
json_t *summary_json(const struct run_verdict *v);

/* The columns of one cell. A grade that rests on a quote carries the quote's origin. */
struct row {
	char grade[40];
	const char *kvm;
	char seconds[16];
};
void row_make(const struct cell_verdict *v, struct row *r);
/* How many cells had which outcome, in how many boots and seconds. */
void report_summary(const struct judge_input *in, const struct run_verdict *v, FILE *out);

/* What the case file expects, "grade verified, rung covers"; returns `out`. */
#define EXPECTED_MAX 400
const char *expected_text(const struct judge_input *in, const struct cell_verdict *v,
                          char out[EXPECTED_MAX]);

/* What a platform's results are worth, in one or two lines. */
const char *report_platform_note(enum platform p);

/* Text where HTML or Markdown is read. */
void html_text(const char *text, FILE *out);
