/* SPDX-License-Identifier: Apache-2.0 */
/* What a system call and a page fault cost in this layer: medians, in nanoseconds. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/probe.h"
#include "agent/util.h"

#define REPEATS 7
#define FEWER   3     /* where one takes so long that its clock's ticks do not matter: */
#define LONG_MS 10.0
#define CALLS   200
#define PAGES   64
#define PAGE    4096

static double time_calls(void)
{
	double start = util_now_fine_ms();

	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	return (util_now_fine_ms() - start) * 1e6 / CALLS;
}

/* The first touch of fresh memory; < 0 when there is none. */
static double time_faults(void)
{
	char *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                    -1, 0);

	if (memory == MAP_FAILED)
		return -1;
	madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE); /* one fault a page */
	double start = util_now_fine_ms();
	for (size_t i = 0; i < PAGES; i++)
		((volatile char *)memory)[i * PAGE] = 1;
	double each = (util_now_fine_ms() - start) * 1e6 / PAGES;
	munmap(memory, PAGES * PAGE);
	return each;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_of(double (*measure)(void), int *repeats)
{
	double value[REPEATS], start = util_now_fine_ms();
	int count = REPEATS, i;

	for (i = 0; i < count; i++) {
		value[i] = measure();
		if (i == 0 && util_now_fine_ms() - start > LONG_MS)
			count = FEWER;
	}
	qsort(value, (size_t)count, sizeof(value[0]), compare);
	*repeats = count < *repeats ? count : *repeats;
	return value[count / 2];
}

json_t *probe_cost(void *unused)
{
	int repeats = REPEATS; /* the fewer ones of both */
	double calls = median_of(time_calls, &repeats), faults = median_of(time_faults, &repeats);

	(void)unused;
	return json_pack("{s:f,s:f,s:i}", "syscall_ns", calls, "fault_ns", faults, "repeats",
	                 repeats);
}
