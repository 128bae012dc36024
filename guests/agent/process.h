/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARGV_MAX 96

/* A command line. Words are copies; a failed allocation or more than ARGV_MAX words mark it. */
struct command {
	char *argv[ARGV_MAX + 1];
	size_t count;
	bool failed;
	struct measured { /* what of it counts when the layer is to be measured: format/extend.h */
		const char *what; /* "rootfs": a tree; "kernel", "initrd": a file */
		char path[256];
	} measured[4];
	size_t measures;
	uid_t uid;   /* run as this user, in its home directory; 0 stays as we are */
	gid_t group; /* that user's supplementary group; 0 for none */
};

void command_add(struct command *c, const char *word);
void command_addf(struct command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void command_add_all(struct command *c, ...) __attribute__((sentinel)); /* words, then NULL */
/* `what` is a literal. */
void command_measure(struct command *c, const char *what, const char *path);
void command_done(struct command *c);

/* Why something could not be done: text for a LEFT frame. */
struct trouble {
	char step[32];
	char reason[400];
};
/* Fills `t` (NULL is fine) and returns `code`. */
int trouble_set(struct trouble *t, int code, const char *step, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/*
 * A started process, in a session of its own, and in a cgroup of its own where we may make one.
 * The descriptors are our ends of its pipes, -1 once closed.
 */
struct process {
	pid_t pid;
	int in, out, err;
	char cgroup[80]; /* "" when there is none */
};

/* `name` names the cgroup. -errno of fork, pipe, or of the exec itself. */
int process_start(const struct command *command, const char *name, struct process *ret);
/*
 * In a forked process: becomes that user, with its home and runtime directory, or stays root and
 * only sees that PATH and HOME are set. 0 or -errno.
 */
int process_become(uid_t uid, gid_t group);
/* Whether it has ended; *ret_status is then wait(2)'s. Call no more afterwards. */
bool process_ended(struct process *p, int *ret_status);
/* SIGKILL to everything in its session and cgroup. */
void process_kill(const struct process *p);
/* Closes the descriptors, kills what is left of its cgroup and removes it. */
void process_done(struct process *p);

/*
 * Runs a command to its end with no input, for set-up work. -ETIMEDOUT, -ECHILD (it failed) or the
 * reason why it did not start; `t` gets the step and the end of the command's output.
 */
int command_run(const struct command *c, const char *step, int64_t end_ms, struct trouble *t);
/* The same of words ended by NULL, when nobody wants to know why. Returns 0 or -errno. */
int command_quiet(int deadline_ms, ...) __attribute__((sentinel));
