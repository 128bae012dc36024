/* SPDX-License-Identifier: Apache-2.0 */
#include <libxml/parser.h>
#include <libxml/xpath.h>

#include "format/bytes.h"
#include "report/report.h"
#include "test/synth.h"
#include "test/tests.h"

/* A report of a run with one twist, in one format. */
static char *report_of(enum twist twist, enum report_format format)
{
	struct synth y;
	struct run_verdict v;
	struct err e;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	synth_init(&y, twist);
	snprintf(y.run.host.qemu_version, sizeof(y.run.host.qemu_version), "7.2.22");
	ck_assert_int_eq(judge_run(&y.in, &v, &e), 0);
	y.run.started = 1795521600; /* 2026-11-24T12:00:00Z */
	ck_assert_int_eq(report_write(format, &y.in, &v, out, &e), 0);
	fclose(out);
	run_verdict_done(&v);
	synth_done(&y);
	return text;
}

static const char *text_at(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	ck_assert_msg(text != NULL, "no text %s", name);
	return text;
}

/* The shape that results/README.md promises, member by member. */
TEST(json_shape)
{
	static const char *const rungs[] = {"device",   "tdreport",  "provider",  "quote",
	                                    "parsed",   "bound",     "registers", "chain",
	                                    "eventlog", "predicted", "tcb",       "conforms",
	                                    "covers",   "secret"};
	char *text = report_of(AS_IT_SHOULD_BE, REPORT_JSON);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *cell, *layer, *ladder;

	ck_assert_ptr_nonnull(root);
	ck_assert_int_eq(json_integer_value(json_object_get(root, "schema_version")), 1);
	ck_assert_str_eq(text_at(root, "run"), "20261124T120000Z-00000001");
	ck_assert_str_eq(text_at(root, "platform"), "emulated");
	ck_assert_str_eq(text_at(json_object_get(root, "host"), "qemu_version"), "7.2.22");
	ck_assert_uint_eq(json_array_size(json_object_get(root, "cells")), 2);
	cell = json_array_get(json_object_get(root, "cells"), 1);
	ck_assert_str_eq(text_at(cell, "id"), "td/docker+dev+tsm+noapparmor");
	ck_assert_str_eq(text_at(cell, "platform"), "emulated");
	ck_assert_str_eq(text_at(cell, "outcome"), "pass");
	ck_assert_str_ne(text_at(cell, "reason"), "");
	ck_assert(json_is_real(json_object_get(cell, "seconds")));
	ck_assert_uint_eq(json_array_size(json_object_get(cell, "layers")), 2);
	layer = json_array_get(json_object_get(cell, "layers"), 1);
	ck_assert_str_eq(text_at(layer, "id"), "td/docker+dev+tsm+noapparmor");
	ck_assert_str_eq(text_at(json_object_get(cell, "clock"), "state"), "right");
	ck_assert(json_is_true(json_object_get(layer, "entered")));
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(layer, "command"), 0)),
	                 "docker");
	ck_assert_str_eq(text_at(layer, "grade"), "verified");
	ck_assert_str_eq(text_at(layer, "origin"), "emulated");
	ck_assert_str_eq(text_at(layer, "kvm"), "no-node");
	ladder = json_object_get(layer, "ladder");
	ck_assert_uint_eq(json_array_size(ladder), RUNG_COUNT);
	for (size_t i = 0; i < RUNG_COUNT; i++) {
		const json_t *rung = json_array_get(ladder, i);

		ck_assert_str_eq(text_at(rung, "rung"), rungs[i]);
		ck_assert_ptr_nonnull(json_object_get(rung, "ok"));
		ck_assert(json_is_null(json_object_get(rung, "errno")));
		ck_assert_str_ne(text_at(rung, "detail"), "");
	}
	ck_assert(json_is_true(json_object_get(json_array_get(ladder, RUNG_CHAIN), "ok")));
	ck_assert(json_is_null(json_object_get(json_array_get(ladder, RUNG_TCB), "ok")));
	ck_assert(json_is_false(json_object_get(json_array_get(ladder, RUNG_COVERS), "ok")));
	ck_assert(json_real_value(json_object_get(json_array_get(ladder, RUNG_TDREPORT), "ms")) ==
	          0.4);
	ck_assert_str_eq(text_at(json_array_get(json_object_get(layer, "interfaces"), 0), "name"),
	                 "ioctl");
	json_decref(root);
	free(text);
}

/* The members of a layer that tell of its isolation, through judge and report. */
TEST(json_isolation)
{
	char *text = report_of(AS_IT_SHOULD_BE, REPORT_JSON);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const json_t *layers =
	        json_object_get(json_array_get(json_object_get(root, "cells"), 1), "layers");
	const json_t *zero = json_array_get(layers, 0), *layer = json_array_get(layers, 1);
	const json_t *isolation = json_object_get(layer, "isolation"), *finding;
	const json_t *findings = json_object_get(layer, "findings"),
	             *cost = json_object_get(layer, "cost");

	ck_assert_str_eq(text_at(isolation, "kernel"), "shared");
	ck_assert_str_eq(text_at(isolation, "release"), "6.12.0");
	ck_assert(json_is_true(json_object_get(isolation, "probed")));
	ck_assert_uint_eq(json_object_size(json_object_get(isolation, "namespaces")), NS_COUNT);
	ck_assert_uint_eq(json_object_size(json_object_get(isolation, "syscalls")),
	                  CALL_STATES - 1);
	ck_assert_str_eq(text_at(json_object_get(zero, "isolation"), "kernel"), "own");
	ck_assert_uint_eq(json_array_size(json_object_get(zero, "findings")),
	                  2); /* not-known, password */
	finding = json_array_get(findings, json_array_size(findings) - 1);
	ck_assert_str_eq(text_at(finding, "name"), "known-password");
	ck_assert_str_eq(text_at(finding, "detail"), "root's is 'toor'");
	ck_assert(json_real_value(json_object_get(cost, "syscall_ns")) == 512.5);
	ck_assert(json_real_value(json_object_get(cost, "ready_ms")) == 3800);
	ck_assert(json_is_null(json_object_get(cost, "memory_kib")));
	json_decref(root);
	free(text);
}

TEST(json_errno)
{
	char *text = report_of(CONFIGFS_DENIED, REPORT_JSON);
	json_t *root = json_loads(text, 0, NULL);
	json_t *layer = json_array_get(
	        json_object_get(json_array_get(json_object_get(root, "cells"), 1), "layers"), 1);
	json_t *rung = json_array_get(json_object_get(layer, "ladder"), RUNG_PROVIDER);

	ck_assert(json_is_false(json_object_get(rung, "ok")));
	ck_assert_str_eq(text_at(rung, "errno"), "EACCES");
	ck_assert_str_eq(text_at(layer, "origin"), "none");
	json_decref(root);
	free(text);
}

/* Nothing a guest or a console wrote reaches a terminal unescaped; "emulated" is in
 * every TD row. */
TEST(safe_and_honest)
{
	static const enum twist twists[] = {AS_IT_SHOULD_BE, NOT_STARTED, CUT_SHORT, QUOTE_FOREIGN};

	for (size_t t = 0; t < 4; t++) {
		for (int f = REPORT_TABLE; f <= REPORT_SARIF; f++) {
			if (f == REPORT_HTML) /* page.css and page.js have tabs; cases/test_reports.py */
				continue;
			char *text = report_of(twists[t], (enum report_format)f), *line, *rest;

			for (const char *c = text; *c; c++)
				ck_assert_msg(*c == '\n' || (*c >= ' ' && *c <= '~'),
				              "byte %#x in format %d", (unsigned char)*c, f);
			for (line = strtok_r(text, "\n", &rest); line && f != REPORT_JSON;
			     line = strtok_r(NULL, "\n", &rest)) {
				const char *id = line + strspn(line, "|` ");

				if (strncmp(id, "td/", 3) == 0 || strncmp(id, "td ", 3) == 0)
					ck_assert_msg(strstr(line, "emulated") != NULL, "%s", line);
			}
			free(text);
		}
	}
}

TEST(table_lines)
{
	char *text = report_of(QUOTE_EMPTY, REPORT_TABLE);

	ck_assert_ptr_nonnull(strstr(text, "verified (emulated)"));
	ck_assert_ptr_nonnull(strstr(text, "expected grade verified, saw report"));
	ck_assert_ptr_nonnull(strstr(text, "2 cells: 1 pass 1 fail; 1 boots, 12 s"));
	ck_assert_ptr_nonnull(strstr(text, "not what TDX hardware protects"));
	free(text);
}

/* Whether an XPath expression over a JUnit report is true. */
static bool junit_holds(const char *text, const char *expression)
{
	xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NONET);
	xmlXPathContext *context = xmlXPathNewContext(doc);
	xmlXPathObject *found;
	bool holds;

	ck_assert_ptr_nonnull(doc);
	found = xmlXPathEvalExpression(BAD_CAST expression, context);
	ck_assert_ptr_nonnull(found);
	holds = xmlXPathCastToBoolean(found);
	xmlXPathFreeObject(found);
	xmlXPathFreeContext(context);
	xmlFreeDoc(doc);
	return holds;
}

static const struct {
	enum twist twist;
	const char *expression;
} junit[] = {
        {AS_IT_SHOULD_BE, "/testsuites/testsuite[@tests=2 and @failures=0 and @errors=0]"},
        {AS_IT_SHOULD_BE, "//property[@name='platform' and @value='emulated']"},
        {AS_IT_SHOULD_BE, "//testsuite[@timestamp='2026-11-24T12:00:00']"},
        {AS_IT_SHOULD_BE,
         "count(//testcase[@classname='td.emulated' and starts-with(@name, 'td')])=2"},
        {AS_IT_SHOULD_BE, "not(//testcase/failure | //testcase/error | //testcase/skipped)"},
        {AS_IT_SHOULD_BE, "contains(//testcase[2]/system-out, 'verified, origin emulated')"},
        {QUOTE_EMPTY, "//testsuite[@failures=1]"},
        {QUOTE_EMPTY,
         "count(//testcase/failure[@type='fail' and contains(@message, 'saw report')])=1"},
        {CUT_SHORT, "//testsuite[@errors=1] and //testcase[2]/error[@type='broken' and @message]"},
};

TEST_EACH(junit_says_it_as_ci_reads_it, junit)
{
	char *text = report_of(junit[_i].twist, REPORT_JUNIT);

	ck_assert_msg(junit_holds(text, junit[_i].expression), "%s: %s", junit[_i].expression,
	              text);
	free(text);
}

TEST(frame_lines)
{
	struct synth y;
	struct cell_verdict v;
	char *text = NULL, *line, *rest;
	size_t size = 0, lines = 0;
	FILE *out = open_memstream(&text, &size);

	synth_init(&y, CUT_SHORT);
	v = synth_judge(&y, 1);
	report_frames(&v.layer[1], out);
	fclose(out);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		json_t *o = json_loads(line, 0, NULL);

		ck_assert_ptr_nonnull(o);
		if (lines == 0)
			ck_assert_str_eq(text_at(o, "type"), "HELLO");
		if (!rest || !*rest)
			ck_assert_ptr_nonnull(strstr(text_at(o, "problem"), "is cut off"));
		lines++;
		json_decref(o);
	}
	ck_assert_uint_ge(lines, 8);
	free(text);
	cell_verdict_done(&v);
	synth_done(&y);
}

TEST(progress)
{
	struct report_progress p;
	struct synth y;
	struct cell_verdict v;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	synth_init(&y, AS_IT_SHOULD_BE);
	v = synth_judge(&y, 1);
	report_progress_init(&p, out, 2);
	report_progress_boot(&p, &y.boot.boot);
	fflush(out);
	ck_assert_uint_eq(size, 0); /* no terminal */
	report_progress_cell(&p, &v);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "[ 1/2] td/docker+dev+tsm+noapparmor"));
	ck_assert_ptr_nonnull(strstr(text, "verified (emulated)"));
	free(text);
	cell_verdict_done(&v);
	synth_done(&y);
}

TESTS("report", .timeout = 120)
