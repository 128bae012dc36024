/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "core/err.h"

/* A folder of this machine that a TD sees. */
struct share {
	char *host, *guest; /* both absolute */
	bool read_only;
};

#define SHARE_GUEST "/host" /* where nothing else is said */

/* "HOST[:GUEST][:ro]": -EINVAL; -errno where HOST is no folder. Free with share_done(). */
int share_parse(const char *text, struct share *ret, struct err *e);
void share_done(struct share *s);

/*
 * A process that answers what the guest's kernel asks on `port`, which it takes over. It can
 * reach that folder and no other (Landlock, where this machine's kernel has it), and ends with
 * its port or its parent.
 */
int share_start(const struct share *s, int port, pid_t *ret, struct err *e);
