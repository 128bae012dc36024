/* SPDX-License-Identifier: Apache-2.0 */
/* The comparison of made-up verdicts: rows, smallest grants, medians, and how they are shown. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/compare.h"
#include "test/tests.h"

#define CELLS 12

static struct test_case item[CELLS];
static struct layer_verdict layer[CELLS][3];
static struct cell_verdict cell[CELLS];
static struct boot_record boot = {.boot = {.id = "td-1", .platform = PLATFORM_EMULATED}};
static struct run_record run = {.id = (char *)"made-up", .boot = &boot, .boots = 1};
static struct case_file cases = {.item = item};
static struct judge_input in = {.run = &run, .cases = &cases};
static struct run_verdict verdict = {.platform = PLATFORM_EMULATED, .cell = cell};
static const struct compare_run runs[2] = {{&in, &verdict}, {&in, &verdict}};

static struct layer_verdict *add(const char *id, enum grade grade, double ready_ms)
{
	size_t n = verdict.cells++;
	struct cell_verdict *v = &cell[n];
	struct layer_verdict *l;
	struct err e;

	ck_assert_uint_lt(n, CELLS);
	ck_assert_msg(cell_parse(id, &item[n].cell, &e) == 0, "%s", e.text);
	*v = (struct cell_verdict){.case_index = n,
	                           .platform = id[0] == 't' ? PLATFORM_EMULATED : PLATFORM_NONE,
	                           .outcome = OUTCOME_PASS,
	                           .layers = item[n].cell.layers,
	                           .layer = layer[n]};
	snprintf(v->id, sizeof(v->id), "%s", id);
	l = &layer[n][v->layers - 1];
	*l = (struct layer_verdict){.entered = true, .grade = grade};
	l->origin = grade >= GRADE_QUOTE ? ORIGIN_EMULATED : ORIGIN_NONE;
	l->isolation = (struct isolation){.probed = true, .kernel = RELATION_SHARED, .uid0 = -1};
	l->cost = (struct layer_cost){-1, ready_ms, 500, -1, 2048, 0};
	return l;
}

static void find(struct layer_verdict *l, const char *name)
{
	struct finding *f = isolation_add(&l->isolation);

	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->detail, sizeof(f->detail), "why");
}

static void setup(void)
{
	verdict.cells = 0;
	boot.boot.kvm = false;
	verdict.platform = PLATFORM_EMULATED;
	add("td", GRADE_VERIFIED, 9000);
	find(add("td/docker+dev+tsm+noapparmor", GRADE_VERIFIED, 3000), "no-lsm");
	find(add("td/docker", GRADE_NONE, 1000), "shares-kernel");
	add("td/docker+dev+tsm", GRADE_REPORT, 2000);
	add("td/docker+dev", GRADE_REPORT, 8000);
	add("vm/docker", GRADE_NONE, 700);
	add("vm", GRADE_NONE, 5000);
	add("td/qemu.kvm", GRADE_NONE, -1)->entered = false;
}

static struct compare make(size_t count)
{
	struct compare c;
	struct err e;

	ck_assert_msg(compare_make(runs, count, &c, &e) == 0, "%s", e.text);
	return c;
}

static const struct compare_row *row(const struct compare *c, const char *stack)
{
	for (size_t i = 0; i < c->rows; i++) {
		if (strcmp(c->row[i].stack, stack) == 0)
			return &c->row[i];
	}
	ck_abort_msg("no row %s", stack);
}

TEST(rows)
{
	static const char *const order[] = {"vm", "td", "vm/docker", "td/docker", "td/qemu.kvm"};
	struct compare c = make(1);

	ck_assert_uint_eq(c.rows, 5);
	for (size_t i = 0; i < 5; i++)
		ck_assert_str_eq(c.row[i].stack, order[i]);
	ck_assert_str_eq(c.row[0].kind, "");
	ck_assert_str_eq(c.row[3].kind, "docker");
	ck_assert_int_eq(c.row[2].platform, PLATFORM_NONE);
	ck_assert_int_eq(c.row[3].platform, PLATFORM_EMULATED);
	ck_assert_uint_eq(c.row[3].cells, 4);
	ck_assert_uint_eq(c.row[4].entered, 0);
	compare_done(&c);

	cell[1].outcome = OUTCOME_BROKEN; /* shows nothing */
	cell[7].outcome = OUTCOME_SKIP;
	cell[7].layers = 0;
	c = make(1);
	ck_assert_uint_eq(c.rows, 4);
	ck_assert_uint_eq(row(&c, "td/docker")->cells, 3);
	ck_assert_int_eq(row(&c, "td/docker")->shown->layer[1].grade, GRADE_REPORT);
	compare_done(&c);
}

TEST(lightest_grants)
{
	struct compare c = make(1);
	const struct compare_row *r = row(&c, "td/docker");

	ck_assert_str_eq(r->shown->id, "td/docker+dev+tsm+noapparmor");
	ck_assert_str_eq(r->grants[GRADE_REPORT].cell->id, "td/docker+dev");
	ck_assert_str_eq(r->grants[GRADE_REPORT].text, "+dev");
	ck_assert_str_eq(r->grants[GRADE_QUOTE].text, "+dev+tsm+noapparmor");
	ck_assert_str_eq(r->grants[GRADE_VERIFIED].text, "+dev+tsm+noapparmor");
	ck_assert_ptr_null(r->grants[GRADE_COVERED].cell);
	ck_assert_str_eq(row(&c, "td")->grants[GRADE_VERIFIED].text, "");
	ck_assert_ptr_null(row(&c, "vm/docker")->grants[GRADE_REPORT].cell);
	compare_done(&c);

	add("td/docker+tsm+noapparmor", GRADE_VERIFIED, 3000); /* a smaller set, found later */
	add("td/docker+sysrw", GRADE_VERIFIED, 3000);          /* fewer grants, and more in them */
	add("td/docker@cap=sys_admin", GRADE_REPORT, 3000);    /* a capability weighs more than a node */
	add("td@mem=2048/docker.privileged", GRADE_VERIFIED, 1);
	c = make(1);
	r = row(&c, "td/docker");
	ck_assert_str_eq(r->shown->id, "td/docker+tsm+noapparmor");
	ck_assert_str_eq(r->grants[GRADE_REPORT].text, "+dev");
	ck_assert_str_eq(r->grants[GRADE_VERIFIED].text, "+tsm+noapparmor");
	ck_assert_str_eq(row(&c, "td/docker.privileged")->grants[GRADE_VERIFIED].text,
	                 "td@mem=2048/");
	compare_done(&c);
}

TEST(medians)
{
	struct compare c = make(1);
	const struct compare_row *r = row(&c, "td/docker");

	ck_assert(r->cost[COST_READY].median == 2500); /* of 1000, 2000, 3000 and 8000 */
	ck_assert_uint_eq(r->cost[COST_READY].count, 4);
	ck_assert(r->cost[COST_FAULT].median == -1);
	ck_assert_uint_eq(r->cost[COST_FAULT].count, 0);
	ck_assert(row(&c, "td/qemu.kvm")->cost[COST_READY].median == -1);
	compare_done(&c);
	c = make(2); /* the same run twice */
	ck_assert_uint_eq(c.rows, 5);
	ck_assert_uint_eq(row(&c, "td/docker")->cost[COST_READY].count, 8);
	ck_assert(row(&c, "td/docker")->cost[COST_READY].median == 2500);
	compare_done(&c);
	layer[4][1].cost.ready_ms = -1; /* an odd number of them */
	c = make(1);
	ck_assert(row(&c, "td/docker")->cost[COST_READY].median == 2000);
	compare_done(&c);
}

/* Two releases of one layer are two rows, and what else layer 0 has is a grant in both. */
TEST(releases)
{
	add("td@release=forky/docker+dev", GRADE_REPORT, 1);
	add("td@mem=4096@release=forky/docker+tsm", GRADE_VERIFIED, 1);
	struct compare c = make(1);

	ck_assert_uint_eq(c.rows, 6);
	ck_assert_uint_eq(row(&c, "td/docker")->cells, 4);
	const struct compare_row *r = row(&c, "td@release=forky/docker");
	ck_assert_uint_eq(r->cells, 2);
	ck_assert_str_eq(r->kind, "docker");
	ck_assert_str_eq(r->grants[GRADE_REPORT].text, "+dev");
	ck_assert_str_eq(r->grants[GRADE_VERIFIED].text, "td@mem=4096/+tsm");
	compare_done(&c);
}

static char *text_of(enum report_format format)
{
	struct compare c = make(1);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct err e;

	ck_assert_int_eq(compare_write(format, &c, out, &e), 0);
	fclose(out);
	compare_done(&c);
	return text;
}

/* Every line of a trust domain says that it is emulated, in every format. */
TEST(honest)
{
	for (int f = 0; f < 2; f++) {
		char *text = text_of(f ? REPORT_MARKDOWN : REPORT_TABLE), *line, *rest;
		size_t emulated = 0;

		ck_assert_ptr_nonnull(strstr(text, "taken under TCG"));
		ck_assert_ptr_nonnull(strstr(text, "not what TDX hardware protects"));
		for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
			if (strncmp(line, f ? "| `td" : "td", f ? 5 : 2) != 0)
				continue;
			ck_assert_msg(strstr(line, "emulated") != NULL, "%s", line);
			emulated++;
		}
		ck_assert_uint_eq(emulated, 3);
		free(text);
	}
	boot.boot.kvm = true;
	verdict.platform = PLATFORM_NONE;
	char *text = text_of(REPORT_TABLE);
	ck_assert_ptr_null(strstr(text, "taken under TCG"));
	ck_assert_ptr_null(strstr(text, "software TDX module"));
	free(text);
}

TEST(table)
{
	char *text = text_of(REPORT_TABLE);

	ck_assert_ptr_nonnull(strstr(text, "report: +dev; verified: +dev+tsm+noapparmor"));
	ck_assert_ptr_nonnull(strstr(text, "verified: no grant"));
	ck_assert_ptr_nonnull(strstr(text, "the TD only"));
	ck_assert_ptr_nonnull(strstr(text, "not entered (emulated)"));
	ck_assert_ptr_nonnull(strstr(text, "  td/docker+dev+tsm+noapparmor: no-lsm\n"));
	ck_assert_ptr_nonnull(strstr(text, "  vm/docker: none\n"));
	free(text);
	layer[1][1].grade = GRADE_COVERED;
	text = text_of(REPORT_TABLE);
	ck_assert_ptr_nonnull(strstr(text, "this layer"));
	ck_assert_ptr_nonnull(strstr(text, "covered: +dev+tsm+noapparmor"));
	ck_assert_ptr_null(strstr(text, "the TD only"));
	free(text);
}

TEST(json)
{
	char *text = text_of(REPORT_JSON);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const json_t *r = json_array_get(json_object_get(root, "rows"), 3);
	const json_t *grants = json_object_get(r, "grants"), *ready;

	ck_assert_int_eq(json_integer_value(json_object_get(root, "schema_version")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(root, "platform")), "emulated");
	ck_assert(json_is_true(json_object_get(root, "tcg")));
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(root, "runs"), 0)),
	                 "made-up");
	ck_assert_str_eq(json_string_value(json_object_get(r, "stack")), "td/docker");
	ck_assert_str_eq(json_string_value(json_object_get(r, "grade")), "verified");
	ck_assert_str_eq(json_string_value(json_object_get(r, "origin")), "emulated");
	ck_assert_str_eq(json_string_value(json_object_get(r, "covers")), "the TD only");
	ck_assert_uint_eq(json_array_size(grants), 3); /* report, quote, verified */
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(grants, 0), "grants")),
	                 "+dev");
	ck_assert_str_eq(json_string_value(json_object_get(
	                         json_array_get(json_object_get(r, "findings"), 0), "name")),
	                 "no-lsm");
	ready = json_object_get(json_object_get(r, "cost"), "ready_ms");
	ck_assert(json_real_value(json_object_get(ready, "median")) == 2500);
	ck_assert_int_eq(json_integer_value(json_object_get(ready, "count")), 4);
	json_decref(root);
	free(text);
}

TESTS("compare", .apart = true, .setup = setup)
