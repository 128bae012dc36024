/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MAX   60
#define PATIENCE_START 0.08 /* s that an idle machine needs to start an interpreter, at most */

/* Seconds of wall clock for starting and ending an interpreter. */
static inline double patience_measure(void)
{
	struct timespec a, b;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &a);
	pid = fork();
	if (pid == 0) {
		execl("/usr/bin/python3", "python3", "-c", "pass", (char *)NULL);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/*
 * A test's deadline, of so many seconds on an idle machine, for this one as it is now. By
 * TCEPTION_PATIENCE, which scripts/patience has measured for all tests, or measured here, once.
 */
static inline int patience(int seconds)
{
	static double slowness;
	const char *given = getenv("TCEPTION_PATIENCE");

	if (slowness == 0) {
		slowness = given ? atof(given) : patience_measure() / PATIENCE_START;
		slowness = slowness < 1 ? 1 : slowness > PATIENCE_MAX ? PATIENCE_MAX : slowness;
	}
	return (int)(seconds * slowness + 0.5);
}
