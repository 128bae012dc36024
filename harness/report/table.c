/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/enum.h"
#include "core/terminal.h"
#include "report/parts.h"
#include "report/report.h"

const char *const report_format_names[7] = {
        [REPORT_TABLE] = "table",
        [REPORT_JSON] = "json",
        [REPORT_MARKDOWN] = "markdown",
        [REPORT_JUNIT] = "junit",
        [REPORT_HTML] = "html",
        [REPORT_KTAP] = "ktap",
        [REPORT_SARIF] = "sarif",
};

void row_make(const struct cell_verdict *v, struct row *r)
{
	const struct layer_verdict *l = v->layers ? &v->layer[v->layers - 1] : NULL;

	snprintf(r->seconds, sizeof(r->seconds), v->layers ? "%.1f" : "-", v->seconds);
	r->kvm = l && l->kvm != KVM_UNKNOWN ? kvm_state_names[l->kvm] : "-";
	if (!l)
		snprintf(r->grade, sizeof(r->grade), "-");
	else if (l->origin == ORIGIN_NONE)
		snprintf(r->grade, sizeof(r->grade), "%s", ENUM_NAME(grade_names, l->grade));
	else
		snprintf(r->grade, sizeof(r->grade), "%s (%s)", ENUM_NAME(grade_names, l->grade),
		         ENUM_NAME(origin_names, l->origin));
}

static size_t id_width(const struct run_verdict *v)
{
	size_t width = 4;

	for (size_t i = 0; i < v->cells; i++) {
		if (strlen(v->cell[i].id) > width)
			width = strlen(v->cell[i].id);
	}
	return width;
}

const char *report_platform_note(enum platform p)
{
	if (p == PLATFORM_EMULATED)
		return "emulated: trust domains run on a software TDX module and quotes are signed "
		       "by a test root\nof this machine; they show how the interfaces behave, not "
		       "what TDX hardware protects";
	if (p == PLATFORM_HARDWARE)
		return "hardware";
	return "none: no trust domain was run";
}

void report_summary(const struct judge_input *in, const struct run_verdict *v, FILE *out)
{
	fprintf(out, "%zu cells:", v->cells);
	for (size_t i = 0; i < 5; i++) {
		if (v->outcome[i])
			fprintf(out, " %zu %s", v->outcome[i], outcome_names[i]);
	}
	fprintf(out, "; %zu boots, %.0f s; run %s\n", in->run->boots, in->run->seconds,
	        in->run->id);
}

#define FIXED      62 /* columns of a row beside the cell and the reason */
#define REASON_MIN 24

/* A row; `width` 0: a line for the cell, one for what it came to, and further ones for the reason. */
static void print_cell(const struct cell_verdict *v, int width, unsigned columns, FILE *out)
{
	const char *platform = ENUM_NAME(platform_names, v->platform);
	const char *outcome = ENUM_NAME(outcome_names, v->outcome);
	struct row r;

	row_make(v, &r);
	if (width) {
		fprintf(out, "%-*s  %-8s  %-7s  %-20s  %-9s  %6s  ", width, v->id, platform, outcome,
		        r.grade, r.kvm, r.seconds);
		terminal_wrap(out, v->reason, (unsigned)width + FIXED, columns);
		return;
	}
	fprintf(out, "%s\n  %s: %s, kvm %s, %s s\n", v->id, outcome, r.grade, r.kvm, r.seconds);
	if (v->reason[0]) {
		fputs("  ", out);
		terminal_wrap(out, v->reason, 2, columns);
	}
}

void report_table(const struct judge_input *in, const struct run_verdict *verdict, FILE *out)
{
	unsigned columns = out == stdout ? terminal_columns() : 0;
	int width = (int)id_width(verdict);

	if (columns && columns < (unsigned)width + FIXED + REASON_MIN)
		width = 0;
	else
		fprintf(out, "%-*s  %-8s  %-7s  %-20s  %-9s  %6s  %s\n", width, "cell", "platform",
		        "outcome", "grade (origin)", "kvm", "s", "reason");
	for (size_t i = 0; i < verdict->cells; i++)
		print_cell(&verdict->cell[i], width, columns, out);
	fputc('\n', out);
	report_summary(in, verdict, out);
	if (!in->run->ended)
		fprintf(out, "this run did not come to its end: 'tception run --resume %s' goes on\n",
		        in->run->dir);
	fprintf(out, "platform %s\n", report_platform_note(verdict->platform));
}

int report_write(enum report_format format, const struct judge_input *in,
                 const struct run_verdict *verdict, FILE *out, struct err *e)
{
	_cleanup_(freep) char *json = NULL;
	int rc = 0;

	switch (format) {
	case REPORT_TABLE:
		report_table(in, verdict, out);
		break;
	case REPORT_MARKDOWN:
		report_markdown(in, verdict, out);
		break;
	case REPORT_JUNIT:
		rc = report_junit(in, verdict, out, e);
		break;
	case REPORT_KTAP:
		report_ktap(in, verdict, out);
		break;
	case REPORT_SARIF:
		rc = report_sarif(in, verdict, out, e);
		break;
	case REPORT_HTML:
		rc = report_html(in, verdict, out, e);
		break;
	case REPORT_JSON:
		rc = report_json(in, verdict, &json, e);
		if (rc == 0)
			fprintf(out, "%s\n", json);
		break;
	}
	return rc;
}

/* ---- progress ---- */
void report_progress_init(struct report_progress *p, FILE *out, size_t total)
{
	*p = (struct report_progress){.out = out, .total = total};
}

void report_progress_boot(struct report_progress *p, const struct boot *boot)
{
	if (p->out && isatty(fileno(p->out)))
		fprintf(p->out, "boot %s: %s, %s, %u MiB, %zu cells\n", boot->id,
		        boot->platform == PLATFORM_NONE ? "plain VM"
		                                        : ENUM_NAME(platform_names, boot->platform),
		        boot->kvm ? "kvm" : "tcg", boot->memory_mib, boot->steps);
}

void report_progress_cell(struct report_progress *p, const struct cell_verdict *cell)
{
	struct row r;

	p->done++;
	if (!p->out)
		return;
	row_make(cell, &r);
	fprintf(p->out, "[%2zu/%zu] %-30s %-6s %-20s %6s s  %.100s\n", p->done, p->total, cell->id,
	        ENUM_NAME(outcome_names, cell->outcome), r.grade, r.seconds, cell->reason);
}
