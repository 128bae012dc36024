/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <check.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"

/*
 * Tests by check, each said in one place. TEST(name) { ... } is a test and puts itself into the
 * program's table, like a DRIVER of guests/agent; TEST_EACH(name, rows) runs for each _i of an
 * array, TEST_RANGE(name, from, to) for those from `from` to below `to`, and TEST_IF(name, when)
 * where when() says so. TESTS("what", ...) stands last, with members of struct tests: it is main().
 */
struct test {
	TTest test;
	int from, to;
	bool (*when)(void);
};

struct tests {
	const char *name;
	double timeout;                         /* seconds a test; 0: check's */
	void (*setup)(void), (*teardown)(void); /* around each test, in its process */
	bool no_sigpipe;                        /* SIGPIPE is ignored, as the agent has it */
	bool (*before)(void);                   /* before all tests; false: no use to start any */
	void (*after)(void);                    /* when all have ended */
	bool apart;                             /* each test needs a process of its own */
};

/*
 * Under sanitizers all tests share one process, where the test does not say that it can't: the
 * sanitizer says where a test crashes, and it looks for leaks once for all.
 */
#ifdef __SANITIZE_ADDRESS__
#define TESTS_SHARE true
#else
#define TESTS_SHARE false
#endif

#define TEST_ROW(name, from, to, when)                                                       \
	static void name(int _i);                                                            \
	static const struct test name##_test = {                                             \
	        {#name, name, __FILE__, __LINE__}, from, to, when};                          \
	static const struct test *const name##_row __attribute__((section("tests"), used)) = \
	        &name##_test;                                                                \
	static void name(int _i __attribute__((unused)))
#define TEST(name)                 TEST_ROW(name, 0, 1, NULL)
#define TEST_EACH(name, rows)      TEST_ROW(name, 0, COUNT_OF(rows), NULL)
#define TEST_RANGE(name, from, to) TEST_ROW(name, from, to, NULL)
#define TEST_IF(name, when)        TEST_ROW(name, 0, 1, when)

extern const struct test *const __start_tests[], *const __stop_tests[];

/* TESTS_PART=K/N in the environment: of all tests every Nth from the Kth on, so that N processes run
 * them; none of another text. */
static inline bool tests_mine(size_t number)
{
	const char *part = getenv("TESTS_PART");
	size_t k, n;

	if (!part)
		return true;
	return sscanf(part, "%zu/%zu", &k, &n) == 2 && k > 0 && k <= n && number % n == k % n;
}

static inline int tests_run(const struct tests *t)
{
	Suite *suite = suite_create(t->name);
	TCase *tc = tcase_create(t->name);
	SRunner *runner = srunner_create(suite);
	size_t number = 0;
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, t->setup, t->teardown);
	if (t->timeout > 0)
		tcase_set_timeout(tc, t->timeout);
	for (const struct test *const *p = __start_tests; p < __stop_tests; p++) {
		for (int i = (*p)->from; i < (*p)->to; i++) {
			if (tests_mine(number++) && (!(*p)->when || (*p)->when()))
				tcase_add_loop_test(tc, &(*p)->test, i, i + 1);
		}
	}
	if (TESTS_SHARE && !t->apart)
		srunner_set_fork_status(runner, CK_NOFORK);
	if (t->no_sigpipe)
		signal(SIGPIPE, SIG_IGN);
	if (t->before && !t->before())
		return EXIT_FAILURE;
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (t->after)
		t->after();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define TESTS(what, ...)                                                              \
	int main(void)                                                                \
	{                                                                             \
		return tests_run(&(const struct tests){.name = what, ##__VA_ARGS__}); \
	}
