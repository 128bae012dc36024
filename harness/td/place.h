/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "core/err.h"

/*
 * Where the TDs of this user are that run: one folder each, by its name, below
 * $XDG_RUNTIME_DIR/tception/td (without that variable /tmp/tception-UID/td). It holds the socket of
 * its keeper, td.json and the logs of the boot, and is locked as long as a process of it lives:
 * what is not locked is what somebody killed left behind, and removed by the next who looks.
 */
#define PLACE_LOCK     "lock" /* the file that is locked */
#define PLACE_NAME_MAX 32     /* bytes of a name, with the NUL */

struct place {
	char name[PLACE_NAME_MAX];
	char dir[PATH_MAX];
	int dir_fd, lock_fd; /* -1: none */
};

/* -EINVAL unless it is letters, digits and "-" and can be a host name. */
int place_check_name(const char *name, struct err *e);
/* A new folder, locked by the caller. `name` NULL: the first of td1, td2 ... that is free. -EEXIST. */
int place_make(const char *name, struct place *ret, struct err *e);
/* The folder of a TD that runs. -ENOENT, saying which there are. */
int place_find(const char *name, struct place *ret, struct err *e);
/* Calls `each` for every TD that runs, in no order; removes what the dead left. */
int place_each(void (*each)(const char *name, const char *dir, void *userdata), void *userdata,
               struct err *e);
/* The folder and all that is in it. */
void place_remove(const struct place *p);
void place_done(struct place *p); /* closes; the lock stays with who else has it */

/* A socket in the folder, whose path may be longer than sun_path: bound and listening (mode 0600), or
 * connected. A descriptor or -errno. */
int place_listen(const struct place *p, struct err *e);
int place_connect(const struct place *p, struct err *e);
