/* SPDX-License-Identifier: Apache-2.0 */
/* What guests/conformance said: weighed, and one report beside another. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "judge/cutoff.h"
#include "judge/weigh.h"
#include "report/conformance.h"
#include "test/tests.h"

static json_t *rows(const char *text)
{
	json_t *list = json_loads(text, 0, NULL);

	ck_assert_ptr_nonnull(list);
	return json_pack("{s:i, s:s, s:o}", "schema_version", 1, "program", "conformance", "rows",
	                 list);
}

static json_t *fact(const char *text)
{
	return json_pack("{s:s, s:i, s:o}", "probe", "conformance", "exit", 0, "report",
	                 rows(text));
}

#define ROW(name, state) "{\"name\": \"" name "\", \"state\": \"" state "\", \"saw\": \"x\"}"
#define LONG             "a-row-with-a-rather-long-name-of-its-own"

static const struct {
	const char *rows, *extend;
	enum rung_state ok;
	const char *detail;
} weighed[] = {
        {"[" ROW("a", "pass") "," ROW("b", "skip") "]", "[" ROW("c", "pass") "]", RUNG_TRUE,
         "2 rows pass, 1 had nothing to look at"},
        {"[" ROW("a", "pass") "," ROW("b", "fail") "]", "[" ROW("c", "pass") "]", RUNG_FALSE,
         "1 of 3 rows fail: b"},
        {"[" ROW("a", "pass") "," ROW("b", "pass") "]", "[" ROW("c", "fail") "]", RUNG_FALSE,
         "1 of 3 rows fail: c"},
        {"[" ROW("a", "fail") "," ROW("b", "fail") "]", "[" ROW("c", "skip") "]", RUNG_FALSE,
         "2 of 3 rows fail: a, b"},
        {"[" ROW("a\\u001b", "fail") "]", "[" ROW("c", "skip") "]", RUNG_FALSE,
         "1 of 2 rows fail: a\\x1b"},
        {"[" ROW("a", "skip") "]", "[" ROW("c", "skip") "]", RUNG_FALSE,
         "the program's report has no rows, or unknown ones"},
        {"[" ROW("a", "pass") "," ROW("b", "good") "]", "[" ROW("c", "pass") "]", RUNG_FALSE,
         "the program's report has no rows, or unknown ones"},
        {"[]", "[" ROW("c", "pass") "]", RUNG_FALSE,
         "the program's report has no rows, or unknown ones"},
        {"[" ROW("a", "pass") "]", "[]", RUNG_FALSE,
         "the program's report has no rows, or unknown ones"},
        {"[" ROW(LONG, "fail") "," ROW(LONG "2", "fail") "," ROW(LONG "3", "fail") "," ROW(
                 LONG "4", "fail") "," ROW(LONG "5", "fail") "]",
         "[" ROW("c", "pass") "]", RUNG_FALSE, "5 of 6 rows fail: " LONG ", " LONG "2, " LONG "3"},
};

TEST_EACH(is_weighed, weighed)
{
	json_auto_t *a = fact(weighed[_i].rows), *b = fact(weighed[_i].extend);
	struct rung_result r;

	conforms_weigh(a, b, &r);
	ck_assert_int_eq(r.ok, weighed[_i].ok);
	ck_assert_str_eq(r.detail, weighed[_i].detail);
}

TEST(without_a_program)
{
	json_auto_t *failed = json_pack("{s:s, s:i, s:s}", "probe", "conformance", "errno", ENOENT,
	                                "errname", "ENOENT");
	struct rung_result r;

	conforms_weigh(NULL, NULL, &r);
	ck_assert_int_eq(r.ok, RUNG_NULL);
	conforms_weigh(failed, failed, &r);
	ck_assert_int_eq(r.ok, RUNG_FALSE);
	ck_assert_str_eq(r.error, "ENOENT");
}

TEST(a_row_that_was_cut_off)
{
	json_auto_t *good = fact("[" ROW("a", "pass") "," ROW("b", "fail") "]");
	json_auto_t *cut = fact("[" ROW("a", "pass") "," ROW("b", "timeout") "]");
	char what[120];

	ck_assert(!cutoff_fact(good, what, sizeof(what)));
	ck_assert(cutoff_fact(cut, what, sizeof(what)));
	ck_assert_str_eq(what, "the conformance row 'b'");
}

static const struct {
	const char *report, *says;
} refused[] = {
        {"{}", "no report of 'conformance --json'"},
        {"{\"schema_version\": 2, \"program\": \"conformance\", \"rows\": [" ROW("a", "pass") "]}",
         "no report of 'conformance --json'"},
        {"{\"schema_version\": 1, \"program\": \"other\", \"rows\": [" ROW("a", "pass") "]}",
         "no report of 'conformance --json'"},
        {"{\"schema_version\": 1, \"program\": \"conformance\", \"rows\": []}",
         "a report without rows, or with more than 1000"},
        {"{\"schema_version\": 1, \"program\": \"conformance\", \"rows\": [" ROW(
                 "a", "pass") ",{\"name\": \"b\"}]}",
         "row 2 of the report has no name, or no known state"},
        {"{\"schema_version\": 1, \"program\": \"conformance\", \"rows\": [" ROW(
                 "a", "pass") "," ROW("a", "fail") "]}",
         "the report has row 'a' twice"},
};

TEST_EACH(is_refused, refused)
{
	json_auto_t *report = json_loads(refused[_i].report, 0, NULL), *into = json_object();
	struct err e;

	ck_assert_ptr_nonnull(report);
	ck_assert_int_eq(conformance_read(report, into, &e), -EINVAL);
	ck_assert_str_eq(e.text, refused[_i].says);
}

static const struct {
	const char *name;
	int same; /* 1, 0; -1 null */
} pairs[] = {{"both", 1},   {"fails", 1},      {"left", 0},       {"right", 0},
             {"skips", -1}, {"only-left", -1}, {"only-right", -1}};

TEST(is_compared)
{
	json_auto_t *a = rows(
	        "[" ROW("both", "pass") "," ROW("fails", "fail") "," ROW("left", "fail") "," ROW(
	                "right", "pass") "," ROW("skips", "skip") "," ROW("only-left", "pass") "]");
	json_auto_t *b = rows(
	        "[" ROW("right", "fail") "," ROW("both", "pass") "," ROW("fails", "fail") "," ROW(
	                "left", "pass") "," ROW("skips", "fail") "," ROW("only-right", "fail") "]");
	json_auto_t *left = json_object(), *right = json_object(), *list = NULL;
	struct err e;

	ck_assert_int_eq(conformance_read(a, left, &e), 0);
	ck_assert_int_eq(conformance_read(b, right, &e), 0);
	list = conformance_compare(left, right);
	ck_assert_uint_eq(json_array_size(list), COUNT_OF(pairs));
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		json_t *pair = json_array_get(list, i), *same = json_object_get(pair, "same");

		ck_assert_str_eq(json_string_value(json_object_get(pair, "name")), pairs[i].name);
		ck_assert_int_eq(json_is_null(same) ? -1 : json_is_true(same), pairs[i].same);
	}
}

TESTS("conforms")
