/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/enum.h"
#include "report/compare.h"
#include "report/parts.h"

/* Those without a title are in JSON only: the first of a kind pays for the others' preparation. */
static const struct {
	const char *member, *title, *unit;
	double scale;
	int decimals;
} costs[COST_COUNT] = {
        [COST_PREPARE] = {"prepare_ms", NULL, NULL, 0, 0},
        [COST_READY] = {"ready_ms", "start", "s", 1e-3, 1},
        [COST_SYSCALL] = {"syscall_ns", "call", "us", 1e-3, 2},
        [COST_FAULT] = {"fault_ns", "fault", "us", 1e-3, 0},
        [COST_MEMORY] = {"memory_kib", "memory", "MiB", 1.0 / 1024, 0},
        [COST_DISK] = {"disk_kib", "disk", "MiB", 1.0 / 1024, 1},
};

static const struct layer_verdict *shown(const struct compare_row *r)
{
	return &r->shown->layer[r->shown->layers - 1];
}

/* What a quote of the layer says of it: a grade without a quote covers nothing. */
static const char *coverage(const struct compare_row *r)
{
	if (shown(r)->grade < GRADE_QUOTE)
		return "nothing";
	if (shown(r)->grade == GRADE_COVERED)
		return "this layer";
	return r->kind[0] ? "the TD only" : "the TD";
}

static void attests(const struct compare_row *r, char out[64])
{
	const struct layer_verdict *l = shown(r);
	bool quoted = l->origin != ORIGIN_NONE;

	/* An emulated trust domain's report is emulated as well, though it has no origin. */
	snprintf(out, 64, "%s%s%s%s", l->entered ? ENUM_NAME(grade_names, l->grade) : "not entered",
	         quoted || r->platform != PLATFORM_NONE ? " (" : "",
	         quoted                         ? ENUM_NAME(origin_names, l->origin)
	         : r->platform != PLATFORM_NONE ? ENUM_NAME(platform_names, r->platform)
	                                        : "",
	         quoted || r->platform != PLATFORM_NONE ? ")" : "");
}

/* "report: none, verified: +tsm+noapparmor": each set with the highest grade it is smallest for. */
static void grants(const struct compare_row *r, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (int g = GRADE_REPORT; g <= GRADE_COVERED && used < size; g++) {
		if (!r->grants[g].cell ||
		    (g < GRADE_COVERED && r->grants[g + 1].cell == r->grants[g].cell))
			continue;
		used += (size_t)snprintf(out + used, size - used, "%s%s: %s", used ? "; " : "",
		                         grade_names[g],
		                         r->grants[g].text[0] ? r->grants[g].text : "no grant");
	}
	if (!out[0])
		snprintf(out, size, "-");
}

static void findings(const struct compare_row *r, const char *between, char *out, size_t size)
{
	const struct isolation *i = &shown(r)->isolation;
	size_t used = 0;

	out[0] = '\0';
	for (size_t k = 0; k < i->findings && used < size; k++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", used ? between : "",
		                         i->finding[k].name);
	if (!out[0])
		snprintf(out, size, "%s",
		         !shown(r)->entered ? "-"
		         : i->probed        ? "none"
		                            : "none (not probed)");
}

static void cost(const struct compare_row *r, int which, char out[24])
{
	if (r->cost[which].median < 0)
		snprintf(out, 24, "-");
	else
		snprintf(out, 24, "%.*f", costs[which].decimals,
		         r->cost[which].median * costs[which].scale);
}

/* ---- text ---- */
static void notes(const struct compare *c, const char *mark, FILE *out)
{
	fprintf(out,
	        "%sGrants are the lightest among the cells that were tried; isolation is that of "
	        "the cell named.\n",
	        mark);
	fprintf(out,
	        "%sCosts are medians over a row's cells: start, a system "
	        "call, a page fault, memory and disk held at most.\n",
	        mark);
	if (c->tcg)
		fprintf(out,
		        "%sTimings were taken under TCG: they compare layers with each other and "
		        "nothing else.\n",
		        mark);
	if (c->platform == PLATFORM_EMULATED)
		fprintf(out,
		        "%sEmulated: trust domains run on a software TDX module; this shows how "
		        "the "
		        "interfaces behave, not what TDX hardware protects, and its times are that "
		        "module's.\n",
		        mark);
}

static int stack_width(const struct compare *c)
{
	size_t width = strlen("layer");

	for (size_t i = 0; i < c->rows; i++) {
		if (strlen(c->row[i].stack) > width)
			width = strlen(c->row[i].stack);
	}
	return (int)width;
}

static void write_table(const struct compare *c, FILE *out)
{
	char text[2048], number[24], grade[64];
	int width = stack_width(c);

	fprintf(out, "%-*s  %-22s  %-11s  %-7s", width, "layer", "attests", "quote names",
	        "kernel");
	for (int k = COST_READY; k < COST_COUNT; k++)
		fprintf(out, "  %*s", 8, costs[k].title);
	fprintf(out, "  %s\n%*s", "lightest grants", width + 48, "");
	for (int k = COST_READY; k < COST_COUNT; k++)
		fprintf(out, "  %*s", 8, costs[k].unit);
	fputc('\n', out);
	for (size_t i = 0; i < c->rows; i++) {
		const struct compare_row *r = &c->row[i];

		attests(r, grade);
		fprintf(out, "%-*s  %-22s  %-11s  %-7s", width, r->stack, grade, coverage(r),
		        relation_names[shown(r)->isolation.kernel]);
		for (int k = COST_READY; k < COST_COUNT; k++) {
			cost(r, k, number);
			fprintf(out, "  %*s", 8, number);
		}
		grants(r, text, sizeof(text));
		fprintf(out, "  %s\n", text);
	}
	fputs("\nisolation: findings\n", out);
	for (size_t i = 0; i < c->rows; i++) {
		findings(&c->row[i], " ", text, sizeof(text));
		fprintf(out, "  %s: %s\n", c->row[i].shown->id, text);
	}
	fputc('\n', out);
	notes(c, "", out);
}

static void write_markdown(const struct compare *c, FILE *out)
{
	char text[2048], number[24], grade[64];

	fputs("| layer | attests | quote names | lightest grants | kernel | isolation findings |",
	      out);
	for (int k = COST_READY; k < COST_COUNT; k++)
		fprintf(out, " %s, %s |", costs[k].title, costs[k].unit);
	fputs("\n|---|---|---|---|---|---|", out);
	for (int k = COST_READY; k < COST_COUNT; k++)
		fputs("---:|", out);
	fputc('\n', out);
	for (size_t i = 0; i < c->rows; i++) {
		const struct compare_row *r = &c->row[i];

		attests(r, grade);
		grants(r, text, sizeof(text));
		fprintf(out, "| `%s` | %s | %s | %s | %s | ", r->stack, grade, coverage(r), text,
		        relation_names[shown(r)->isolation.kernel]);
		findings(r, ", ", text, sizeof(text));
		if (strcmp(r->shown->id, r->stack) != 0)
			fprintf(out, "with `%s`: ", r->shown->id);
		fprintf(out, "%s |", text);
		for (int k = COST_READY; k < COST_COUNT; k++) {
			cost(r, k, number);
			fprintf(out, " %s |", number);
		}
		fputc('\n', out);
	}
	fputc('\n', out);
	notes(c, "- ", out);
}

/* ---- JSON ---- */
static json_t *row_json(const struct compare_row *r)
{
	json_t *list = json_array(), *cost_object = json_object();
	const struct layer_verdict *l = shown(r);

	for (int g = GRADE_REPORT; g <= GRADE_COVERED; g++) {
		if (r->grants[g].cell)
			json_array_append_new(list,
			                      json_pack("{s:s, s:s, s:s}", "grade", grade_names[g],
			                                "grants", r->grants[g].text, "cell",
			                                r->grants[g].cell->id));
	}
	for (int k = 0; k < COST_COUNT; k++)
		json_object_set_new(cost_object, costs[k].member,
		                    json_pack("{s:o, s:I}", "median",
		                              time_or_null(r->cost[k].median), "count",
		                              (json_int_t)r->cost[k].count));
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:b, s:s, s:s, s:s, s:o, s:o, s:o, s:o}",
	                 "stack", r->stack, "kind", r->kind, "platform",
	                 ENUM_NAME(platform_names, r->platform), "cells", (json_int_t)r->cells,
	                 "cells_entered", (json_int_t)r->entered, "cell", r->shown->id, "entered",
	                 l->entered, "grade", ENUM_NAME(grade_names, l->grade), "origin",
	                 ENUM_NAME(origin_names, l->origin), "covers", coverage(r), "grants", list,
	                 "isolation", isolation_json(&l->isolation), "findings",
	                 findings_json(&l->isolation), "cost", cost_object);
}

static int write_json(const struct compare *c, FILE *out, struct err *e)
{
	json_t *rows = json_array(), *runs = json_array(), *root;
	char *text;

	for (size_t i = 0; i < c->runs; i++)
		json_array_append_new(runs, json_string(c->run[i].in->run->id));
	for (size_t i = 0; i < c->rows; i++)
		json_array_append_new(rows, row_json(&c->row[i]));
	root = json_pack("{s:i, s:o, s:s, s:b, s:o}", "schema_version", REPORT_SCHEMA_VERSION,
	                 "runs", runs, "platform", ENUM_NAME(platform_names, c->platform), "tcg",
	                 c->tcg, "rows", rows);
	text = root ? json_dumps(root, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
	json_decref(root);
	if (!text)
		return err_set(e, -ENOMEM, "the comparison can't be written as JSON");
	fprintf(out, "%s\n", text);
	free(text);
	return 0;
}

int compare_write(enum report_format format, const struct compare *c, FILE *out, struct err *e)
{
	if (format == REPORT_JSON)
		return write_json(c, out, e);
	if (format == REPORT_MARKDOWN)
		write_markdown(c, out);
	else
		write_table(c, out);
	return 0;
}
