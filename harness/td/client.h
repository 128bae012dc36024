/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "td/place.h"

/* A program to be run in a TD, as somebody connected to its keeper. */
struct task {
	char *const *argv; /* NULL-terminated */
	bool terminal;     /* it gets one, and ours on standard input is made raw meanwhile */
	bool bare;         /* not in somebody's own root, but in the TD's */
	int input;         /* what it reads, -1: nothing */
	int output, error; /* where it is to go */
};

/* The status a shell would give: the program's own, 128 and its signal, 127 when there is no such
 * program, 126 when it can't be started. */
#define TASK_NO_PROGRAM  127
#define TASK_NOT_STARTED 126
#define TASK_OWN_FAILURE 125  /* ours, as `docker run` has it */
#define TASK_ESCAPE      0x1d /* Ctrl-]: hangs up from a terminal */

/* Its status, or -errno with the reason. SIGINT, SIGTERM, SIGQUIT and SIGHUP go to the program. */
int task_run(const struct place *p, const struct task *t, struct err *e);

/*
 * copy.c: files and folders into /work of the TD, and all of /work into a folder here, which is
 * made; by tar at both ends.
 */
int copy_in(const struct place *p, char *const *files, size_t count, struct err *e);
int copy_out(const struct place *p, const char *dir, struct err *e);

/* Its td.json; for json_decref(). */
int client_describe(const struct place *p, json_t **ret, struct err *e);
/* Asks the keeper for the end and waits until it is gone. */
int client_stop(const struct place *p, struct err *e);
