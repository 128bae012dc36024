/* SPDX-License-Identifier: Apache-2.0 */
/* Markdown for the summary of a CI job: what needs a look first, the whole table folded. */
#include <string.h>

#include "core/enum.h"
#include "report/parts.h"
#include "report/report.h"

/* Escaped ASCII, in which HTML's and Markdown's own characters are left to be neutralised. */
static void text(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (strchr("|<>&`*_[]\\~#!\"'", *text))
			fprintf(out, "&#%d;", *text);
		else
			fputc(*text, out);
	}
}

static bool needs_a_look(const struct cell_verdict *v)
{
	return v->outcome == OUTCOME_FAIL || v->outcome == OUTCOME_BROKEN;
}

static void head(FILE *out)
{
	fputs("| cell | platform | outcome | grade (origin) | kvm | s | reason |\n"
	      "|---|---|---|---|---|---:|---|\n",
	      out);
}

static void row(const struct cell_verdict *v, FILE *out)
{
	struct row r;

	row_make(v, &r);
	fprintf(out, "| `%s` | %s | %s%s%s | %s | %s | %s | ", v->id,
	        ENUM_NAME(platform_names, v->platform), needs_a_look(v) ? "**" : "",
	        ENUM_NAME(outcome_names, v->outcome), needs_a_look(v) ? "**" : "", r.grade, r.kvm,
	        r.seconds);
	text(v->reason, out);
	fputs(" |\n", out);
}

/* The ladder of the innermost layer and how to run the cell again. */
static void details(const struct judge_input *in, const struct cell_verdict *v, FILE *out)
{
	const struct layer_verdict *l = v->layers ? &v->layer[v->layers - 1] : NULL;
	char expected[EXPECTED_MAX];

	fputs("\n<details><summary><code>", out);
	html_text(v->id, out);
	fprintf(out, "</code>: %s</summary>\n\n- expected ", outcome_names[v->outcome]);
	text(expected_text(in, v, expected), out);
	fputs("\n- why: ", out);
	text(in->cases->item[v->case_index].why, out);
	fputs("\n\n", out);
	if (l)
		fputs("| rung | | errno | |\n|---|---|---|---|\n", out);
	for (int i = 0; l && i < RUNG_COUNT; i++) {
		const struct rung_result *r = &l->ladder[i];

		fprintf(out, "| %s | %s | %s | ", rung_names[i],
		        r->ok == RUNG_TRUE    ? "yes"
		        : r->ok == RUNG_FALSE ? "**no**"
		                              : "",
		        r->error);
		text(r->detail, out);
		fputs(" |\n", out);
	}
	fputs("\n</details>\n", out);
}

void report_markdown(const struct judge_input *in, const struct run_verdict *verdict, FILE *out)
{
	size_t look = verdict->outcome[OUTCOME_FAIL] + verdict->outcome[OUTCOME_BROKEN];

	report_summary(in, verdict, out);
	fprintf(out, "\nPlatform %s.\n\n", report_platform_note(verdict->platform));
	if (look)
		head(out);
	for (size_t i = 0; i < verdict->cells; i++) {
		if (needs_a_look(&verdict->cell[i]))
			row(&verdict->cell[i], out);
	}
	for (size_t i = 0; i < verdict->cells; i++) {
		if (needs_a_look(&verdict->cell[i]))
			details(in, &verdict->cell[i], out);
	}
	fprintf(out, "%s<details%s><summary>All %zu cells</summary>\n\n", look ? "\n" : "",
	        look ? "" : " open", verdict->cells);
	head(out);
	for (size_t i = 0; i < verdict->cells; i++)
		row(&verdict->cell[i], out);
	fputs("\n</details>\n", out);
}
