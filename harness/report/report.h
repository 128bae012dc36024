/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "core/err.h"
#include "judge/judge.h"

/*
 * Verdicts -> text. An emulated result is never shown without that word. Foreign text is escaped
 * before it gets here (see judge.h); the console's last lines are escaped here.
 */
#define REPORT_SCHEMA_VERSION 1

enum report_format { REPORT_TABLE, REPORT_JSON, REPORT_MARKDOWN, REPORT_JUNIT, REPORT_HTML, REPORT_KTAP, REPORT_SARIF };
extern const char *const report_format_names[7]; /* "table", "json", "markdown", "junit" ... */

/* Whether `out` took it all is the caller's to see, here and below. */
int report_write(enum report_format format, const struct judge_input *in,
                 const struct run_verdict *verdict, FILE *out, struct err *e);

/* The result as results/README.md describes it. Caller frees. */
int report_json(const struct judge_input *in, const struct run_verdict *verdict, char **ret,
                struct err *e);
/* One self-contained file; what a guest said is in it as JSON, and shown as text. */
int report_html(const struct judge_input *in, const struct run_verdict *verdict, FILE *out,
                struct err *e);
int report_junit(const struct judge_input *in, const struct run_verdict *verdict, FILE *out,
                 struct err *e);
void report_table(const struct judge_input *in, const struct run_verdict *verdict, FILE *out);
void report_ktap(const struct judge_input *in, const struct run_verdict *verdict, FILE *out);
/* Isolation findings. */
int report_sarif(const struct judge_input *in, const struct run_verdict *verdict, FILE *out,
                 struct err *e);
void report_markdown(const struct judge_input *in, const struct run_verdict *verdict, FILE *out);

/* The layer's frames, one JSON object a line: offset, type, sequence and payload. */
void report_frames(const struct layer_verdict *layer, FILE *out);

/* One line a cell that ends while a run goes on; on a terminal one a boot, too. */
struct report_progress {
	FILE *out; /* NULL: silent */
	size_t done, total;
};
void report_progress_init(struct report_progress *p, FILE *out, size_t total);
void report_progress_boot(struct report_progress *p, const struct boot *boot);
void report_progress_cell(struct report_progress *p, const struct cell_verdict *cell);
