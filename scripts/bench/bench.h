/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

/* What the benchmarks share: CPU time of one thread and of the processes it has waited for, all kinds in
 * turns, medians of many rounds. */

#define MUST(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			exit(2);                                                        \
		}                                                                       \
	} while (0)

#define BENCH_ROUNDS 41

struct bench {
	const char *name;
	void (*run)(void);
	unsigned times; /* in a row */
	double us;      /* then: of one, the median */
};

static inline double bench_now(void)
{
	struct timespec t;
	struct rusage u;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(t.tv_sec + u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) + (double)t.tv_nsec / 1e3;
}

static inline int bench_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Runs all of them in turns, so that all see the same machine, and prints them. */
static inline void bench_run(struct bench *b, size_t count)
{
	double(*us)[BENCH_ROUNDS] = calloc(count, sizeof(*us));

	MUST(us);
	for (int round = 0; round < BENCH_ROUNDS; round++) {
		for (size_t k = 0; k < count; k++) {
			double begin = bench_now();

			for (unsigned i = 0; i < b[k].times; i++)
				b[k].run();
			us[k][round] = (bench_now() - begin) / b[k].times;
		}
	}
	for (size_t k = 0; k < count; k++) {
		qsort(us[k], BENCH_ROUNDS, sizeof(us[k][0]), bench_order);
		b[k].us = us[k][BENCH_ROUNDS / 2];
		printf("%-42s %9.1f us  (%.1f to %.1f)\n", b[k].name, b[k].us, us[k][0],
		       us[k][BENCH_ROUNDS - 1]);
	}
	free(us);
}

/* Prints a ratio and whether it keeps its limit. */
static inline bool bench_ratio(const char *what, double is, double base, double limit)
{
	bool kept = is / base <= limit;

	printf("%-66s %5.2f  (at most %.2f)%s\n", what, is / base, limit, kept ? "" : "  MISSED");
	return kept;
}
