/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <sys/types.h>

/*
 * Runs `fn` in a forked process and returns the JSON object it made, so that nothing a probe
 * touches can hang or crash the agent. On failure *ret_errno says why: ETIMEDOUT (it was killed),
 * EPROTO (it crashed or returned no object), or fork's and pipe's own. A process that even SIGKILL
 * doesn't end is left behind.
 */
typedef json_t *(*guard_fn)(void *arg);
json_t *guard_run(guard_fn fn, void *arg, int deadline_ms, int *ret_errno);

/*
 * The same for one function after another, each when it is asked for, in one process as long as it
 * lives: a process is most of what a probe costs in gVisor and User-mode Linux. After a failure it
 * is gone (`pid` < 0), and another one is started with those that are left.
 */
struct guard {
	pid_t pid;
	int go, in; /* a byte for each function; what they made */
};
struct guarded {
	const char *name; /* the caller's own */
	guard_fn run;
};
int guard_start(struct guard *g, const struct guarded *of, size_t count, void *arg);
json_t *guard_next(struct guard *g, int deadline_ms, int *ret_errno);
void guard_end(struct guard *g);
