/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "core/err.h"

/*
 * One child process on an event loop, in a process group of its own, so that a terminal's Ctrl-C
 * reaches only the harness. It can't outlive us: the kernel kills it when we die
 * (PR_SET_PDEATHSIG), and process_free kills and reaps it. SIGCHLD must be blocked
 * (process_signals_init).
 */
struct process_spec {
	char *const *argv;
	const int *keep; /* descriptors inherited under their own numbers */
	size_t keeps;
	int output;  /* becomes stdout and stderr; stdin is /dev/null */
	int channel; /* > 0: becomes stdin and stdout instead */
};

struct process;
/* `code` and `status` as in siginfo_t: CLD_EXITED and the exit code, or CLD_KILLED
 * and the signal. */
typedef void (*process_ended_fn)(struct process *p, int code, int status, void *userdata);

/* -errno of the exec when the program can't be started at all. */
int process_start(sd_event *event, const struct process_spec *spec, process_ended_fn ended,
                  void *userdata, struct process **ret, struct err *e);
/* From now on `ended` is called instead. Whether the process still runs. */
bool process_adopt(struct process *p, process_ended_fn ended, void *userdata);
/* SIGKILL to the process and its group; `ended` is called later. */
void process_kill(struct process *p);
/* Kills and reaps what is still there. `ended` is not called any more. May be NULL. */
void process_free(struct process *p);

/* Blocks SIGCHLD in this thread, as the event loop's child sources want it; ignores SIGPIPE. */
int process_signals_init(struct err *e);

/*
 * Runs a program to its end and takes at most `size - 1` bytes of its stdout and stderr; killed
 * after `deadline_ms` (-ETIMEDOUT). Returns the exit status, 128 + signal, or -errno.
 */
int process_capture(char *const *argv, int deadline_ms, char *output, size_t size);
