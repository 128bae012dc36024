/* SPDX-License-Identifier: Apache-2.0 */
/* KTAP version 1, as kernel test harnesses read it: one test a cell, and what it rests on beside it. */
#include "core/enum.h"
#include "report/parts.h"
#include "report/report.h"

/* Behind the first '#' a reader looks for a directive. */
static void plain(const char *text, FILE *out)
{
	for (; *text; text++)
		fputc(*text == '#' ? '=' : *text, out);
}

static const char *directive(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_PASS:
	case OUTCOME_FAIL:
		return NULL;
	case OUTCOME_XFAIL:
		return "XFAIL";
	case OUTCOME_SKIP:
		return "SKIP";
	case OUTCOME_BROKEN:
		return "ERROR";
	}
	return "ERROR";
}

void report_ktap(const struct judge_input *in, const struct run_verdict *verdict, FILE *out)
{
	fprintf(out, "KTAP version 1\n1..%zu\n", verdict->cells);
	fprintf(out, "# run %s; platform %s\n", in->run->id,
	        ENUM_NAME(platform_names, verdict->platform));
	for (size_t i = 0; i < verdict->cells; i++) {
		const struct cell_verdict *v = &verdict->cell[i];
		const char *word = directive(v->outcome);
		char expected[EXPECTED_MAX];

		fprintf(out, "# expected %s\n", expected_text(in, v, expected));
		if (!word) {
			fputs("# ", out);
			plain(v->reason, out);
			fputc('\n', out);
		}
		fprintf(out, "%s %zu %s",
		        v->outcome == OUTCOME_FAIL || v->outcome == OUTCOME_BROKEN ? "not ok" : "ok",
		        i + 1, v->id);
		if (word) {
			fprintf(out, " # %s ", word);
			plain(v->reason, out);
		}
		fputc('\n', out);
	}
}
