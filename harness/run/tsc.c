/* SPDX-License-Identifier: Apache-2.0 */
#include "run/tsc.h"

#if defined(__x86_64__)

#include <time.h>
#include <x86intrin.h>

#define SPAN_NS  25000000 /* of one measurement */
#define READINGS 10
#define TRIES    10
#define NS_PER_S 1000000000ll

struct moment {
	uint64_t tsc;
	int64_t ns;
};

/* Both at once: the narrowest of some tries, as another process may run in between. */
static struct moment now(void)
{
	struct moment best = {0};
	uint64_t narrowest = UINT64_MAX;

	for (int i = 0; i < READINGS; i++) {
		struct timespec t;
		uint64_t before = __rdtsc(), width;

		clock_gettime(CLOCK_MONOTONIC_RAW, &t);
		width = __rdtsc() - before;
		if (width < narrowest) {
			narrowest = width;
			best.tsc = before + width / 2;
			best.ns = t.tv_sec * NS_PER_S + t.tv_nsec;
		}
	}
	return best;
}

static uint64_t measure(void)
{
	const struct timespec span = {.tv_nsec = SPAN_NS};
	struct moment first = now(), last;

	nanosleep(&span, NULL);
	last = now();
	/* 2^53 counts are days, so a double holds them exactly */
	return last.ns > first.ns && last.tsc > first.tsc
	               ? (uint64_t)((double)(last.tsc - first.tsc) * 1e6 /
	                                    (double)(last.ns - first.ns) +
	                            0.5)
	               : 0;
}

/* Within a thousandth. */
static int agree(uint64_t a, uint64_t b)
{
	return a > 0 && (a > b ? a - b : b - a) < a / 1000;
}

uint32_t host_tsc_khz(void)
{
	uint64_t before = measure(), khz;

	for (int i = 0; i < TRIES; i++, before = khz) {
		khz = measure();
		if (agree(khz, before) && khz < UINT32_MAX)
			return (uint32_t)((khz + before) / 2);
	}
	return 0;
}

#else

uint32_t host_tsc_khz(void)
{
	return 0;
}

#endif
