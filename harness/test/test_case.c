/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case/case.h"
#include "format/bytes.h"
#include "test/tests.h"

/* Loads a text as a case file; the path in messages is replaced by FILE. */
static int load(const char *text, struct case_file *ret, char message[480])
{
	char path[] = "/tmp/tception-case-XXXXXX";
	int fd = mkstemp(path), r;
	struct err e = {0};

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	r = case_file_load(path, ret, &e);
	unlink(path);
	if (strncmp(e.text, path, strlen(path)) == 0)
		snprintf(message, 480, "FILE%s", e.text + strlen(path));
	else
		snprintf(message, 480, "%s", e.text);
	return r;
}

TEST(whole)
{
	struct case_file f;
	char message[480];
	const struct test_case *c;

	ck_assert_int_eq(
	        load("version: 1\n"
	             "cases:\n"
	             "  - cell: td/docker+dev\n"
	             "    expect: {grade: report, rung: provider, errno: ENOENT}\n"
	             "    why: no configfs\n"
	             "    isolate: true\n"
	             "    deadline: 90\n"
	             "    xfail: a known bug\n"
	             "    xfail-until: 2027-01-31\n"
	             "  - {cell: td/qemu.kvm, expect: {entered: false, kvm: no-cpu}, why: x}\n",
	             &f, message),
	        0);
	ck_assert_uint_eq(f.count, 2);
	c = &f.item[0];
	ck_assert_str_eq(c->id, "td/docker+dev");
	ck_assert_str_eq(c->why, "no configfs");
	ck_assert_int_eq(c->expect.entered, 1);
	ck_assert_int_eq(c->expect.grade, GRADE_REPORT);
	ck_assert_int_eq(c->expect.rung, RUNG_PROVIDER);
	ck_assert_str_eq(c->expect.error, "ENOENT");
	ck_assert_int_eq(c->expect.kvm, -1);
	ck_assert(c->isolate);
	ck_assert_int_eq(c->deadline_s, 90);
	ck_assert_str_eq(c->xfail_until, "2027-01-31");
	ck_assert_int_eq(c->line, 3);
	ck_assert_int_eq(f.item[1].expect.entered, 0);
	ck_assert_int_eq(f.item[1].expect.kvm, KVM_NO_CPU);
	ck_assert_int_eq(f.item[1].line, 10);
	case_file_done(&f);
}

#define CASES "version: 1\ncases:\n"
static const struct {
	const char *text, *expected;
} bad[] = {
        {"", "FILE:1:1: an empty file"},
        {"version: 1\n", "FILE:1:1: no cases"},
        {"version: 2\n", "FILE:1:10: unknown version '2'; expected 1"},
        {"version: 1\ncases: []\n", "FILE:2:8: no cases"},
        {"version: 1\ncases: 3\n", "FILE:2:8: not a list '3'"},
        {"nonsense: 1\n", "FILE:1:1: unknown key 'nonsense'; expected version and cases"},
        {CASES "  - {cell: td, expect: {grade: verified}}\n", "FILE:3:5: a case without a reason"},
        {CASES "  - {expect: {grade: verified}, why: x}\n", "FILE:3:5: a case without a cell"},
        {CASES "  - {cell: td, why: x}\n", "a case without an expected grade"},
        {CASES "  - cell: td/dokcer\n", "FILE:3:11: cell 'td/dokcer', column 4"},
        {CASES "  - cell: td\n    grade: x\n", "FILE:4:5: unknown key 'grade'"},
        {CASES "  - cell: td\n    cell: td\n", "FILE:4:5: repeated key 'cell'"},
        {CASES "  - cell: td\n    expect: {grade: good}\n",
         "FILE:4:21: unknown value 'good'; expected one of none report quote verified covered"},
        {CASES "  - cell: td\n    expect: {grade: none, errno: EACCES}\n",
         "an errno without the rung"},
        {CASES "  - cell: td\n    expect: {grade: none, rung: device, errno: denied}\n",
         "FILE:4:48: not an errno 'denied'"},
        {CASES "  - cell: td\n    expect: {entered: false, grade: quote}\n",
         "a layer that is not entered"},
        {CASES "  - cell: td\n    expect: {entered: maybe}\n", "expected one of false true"},
        {CASES "  - cell: td\n    deadline: 0\n", "FILE:4:15: not a deadline '0'"},
        {CASES "  - cell: td\n    deadline: 1e9\n", "not a deadline"},
        {CASES "  - cell: td\n    deadline: 010\n", "FILE:4:15: not a deadline '010'"},
        {CASES "  - cell: td\n    deadline: 99999999999999999999\n", "not a deadline"},
        {CASES "  - cell: td\n    expect: {kvm: unknown}\n",
         "FILE:4:19: unknown value 'unknown'; expected one of no-config "},
        {CASES "  - cell: td/docker\n    expect: {entered: false, extend: ok}\n",
         "FILE:4:13: a layer that is not entered can have no grade, rung, extend or secret"},
        {CASES "  - cell: td/docker\n    expect: {entered: false, secret: refused}\n",
         "a layer that is not entered can have no grade, rung, extend or secret"},
        {CASES "  - cell: td\n    expect: {grade: quote, secret: released}\n",
         "FILE:4:13: a secret for a layer that is not to be verified; expected grade: verified"},
        {CASES "  - cell: td\n    expect: {grade: verified, rung: secret, secret: released}\n",
         "a secret for a layer that is not to be verified"},
        {CASES "  - cell: td\n    expect: {secret: lost}\n",
         "FILE:4:22: unknown value 'lost'; expected one of released refused"},
        {CASES "  - {cell: td/qemu.tcg+broker, expect: {grade: verified, secret: released}, "
               "why: x}\n",
         "FILE:3:5: a secret for the tiny nested guest"},
        {CASES "  - cell: td\n    expect: {grade: quote, rung: bound}\n",
         "FILE:4:13: grade: quote with a false rung bound; expected a grade that"},
        {CASES "  - cell: td\n    expect: {grade: none, rung: chain}\n",
         "none with a false rung chain"},
        {CASES "  - cell: td\n    expect: {grade: report, rung: tdreport}\n",
         "report with a false rung tdreport"},
        {CASES "  - cell: td\n    expect: {rung: predicted, grade: verified}\n",
         "verified with a false rung predicted"},
        {CASES "  - cell: td\n    expect: {grade: covered, rung: covers}\n",
         "covered with a false rung covers"},
        {CASES "  - cell: td\n    expect: {grade: quote, rung: chain, errno: EIO}\n",
         "an errno of a rung that gives none"},
        {CASES "  - cell: td\n    why: \"a\\nb\"\n", "a control character"},
        {CASES "  - cell: td\n    why: \"\\e[2J\"\n", "a control character"},
        {CASES "  - cell: td\n    why: ''\n", "an empty text"},
        {CASES "  - cell: [td]\n", "FILE:3:11: not a single value"},
        {CASES "  - {cell: td, expect: {grade: none}, why: x, xfail: y}\n", "both xfail"},
        {CASES "  - {cell: td, xfail-until: 2027-13-01}\n", "not a date '2027-13-01'"},
        {CASES "  - {cell: td, xfail-until: 2026-02-30}\n", "FILE:3:29: not a date '2026-02-30'"},
        {CASES "  - {cell: td, xfail-until: 2027-02-29}\n", "not a date '2027-02-29'"},
        {CASES "  - {cell: td, xfail-until: 2027-2-1}\n", "not a date '2027-2-1'"},
        {CASES "  - {cell: td, xfail-until: 2027-01-01T00}\n", "not a date"},
        {CASES "  - {cell: td, expect: {grade: none}, why: x}\n"
               "  - {cell: td, expect: {grade: none}, why: x}\n",
         "FILE:4:5: repeated cell 'td'"},
        {CASES "  - {cell: vm, expect: {grade: none}, why: x}\n"
               "  - {cell: vm@kernel=trixie, expect: {grade: none}, why: x}\n",
         "FILE:4:5: repeated cell 'vm@kernel=trixie'; expected each cell once, and line 3 has "
         "'vm'"},
        {"cases:\n  - {cell: vm, expect: {grade: none}, why: x}\n",
         "FILE:1:1: no version; expected"},
        {CASES "  - {cell: td, expect: {grade: none, rung: device, errno: ENOFOO}}\n",
         "FILE:3:59: not an errno 'ENOFOO'"},
        {CASES "  - {cell: td, expect: {grade: none, rung: device, errno: enoent}}\n",
         "not an errno"},
        {CASES "  - {cell: td, expect: {grade: none, rung: device, errno: EWOULDBLOCK}}\n",
         "not an errno"}, /* EAGAIN, by the one name that evidence has */
        {CASES "  - {cell: td, expect: {grade: none, rung: device, errno: ''}}\n",
         "not an errno ''"},
        {CASES "  - {cell: td, expect: {grade: none, extend: }}\n", "not an errno ''"},
        {CASES "  - {cell: td/docker+measured, expect: {grade: verified, covers: "
               "000000000000000000000000000000000000000000000000"
               "000000000000000000000000000000000000000000000000}}\n",
         "a digest that nothing is held against"},
        {CASES "  - {cell: td, expect: {extend: maybe}}\n", "not an errno 'maybe'"},
        {CASES "  - cell: td@mem=16\n",
         "FILE:3:11: cell 'td@mem=16', column 8: unknown value '16'"},
        {CASES "  - cell: td\n  why: [\n", "FILE:4:3: did not find expected"},
        {"version: 1\ncases: &a\n  - *a\n", "not a mapping"},
        {"a: *nowhere\n", "FILE:1:4: found undefined alias"},
};

TEST_EACH(refused, bad)
{
	struct case_file f = {.count = 77};
	char message[480];

	ck_assert_int_eq(load(bad[_i].text, &f, message), -EINVAL);
	ck_assert_msg(strstr(message, bad[_i].expected) != NULL, "case %d: '%s' lacks '%s'", _i,
	              message, bad[_i].expected);
	ck_assert_uint_eq(f.count, 77);
}

TEST(absent)
{
	struct case_file f;
	struct err e;

	ck_assert_int_eq(case_file_load("/nonexistent/cases.yaml", &f, &e), -ENOENT);
	ck_assert_int_lt(case_file_load("/", &f, &e), 0);
}

TEST(names_round_trip)
{
	for (int i = 0; i < RUNG_COUNT; i++)
		ck_assert_ptr_nonnull(rung_names[i]);
	for (int i = 0; i < 5; i++)
		ck_assert_ptr_nonnull(grade_names[i]);
	for (int i = 0; i < 8; i++)
		ck_assert_ptr_nonnull(kvm_state_names[i]);
	ck_assert_str_eq(rung_names[RUNG_COVERS], "covers");
	ck_assert_str_eq(grade_names[GRADE_COVERED], "covered");
	ck_assert_str_eq(kvm_state_names[KVM_WORKS], "works");
}

/* The matrix that `make run` runs: both kinds of layer 0 with the same stacks. */
TEST(default_matrix)
{
	struct case_file f;
	struct err e;
	size_t twins = 0;

	ck_assert_msg(case_file_load("cases/default.yaml", &f, &e) == 0, "%s", e.text);
	ck_assert_uint_ge(f.count, 20);
	for (size_t i = 0; i < f.count; i++) {
		for (size_t k = 0; k < f.count; k++)
			twins += f.item[i].id[0] == 'v' && f.item[k].id[0] == 't' &&
			         strcmp(f.item[i].id + 2, f.item[k].id + 2) == 0;
	}
	ck_assert_uint_ge(twins, 10);
	case_file_done(&f);
}

TESTS("case")
