/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/process.h"

/* A service that an engine wants. It is started on first use and runs until the machine goes down.
 */
struct daemon {
	const char *name;
	uint32_t modes;     /* of the layers that want it, as bits of enum mode */
	const char *socket; /* where it answers */
	const char *log;    /* its output, the end of which explains */
	uid_t uid;
	bool (*answers)(const char *socket);
	/* Makes ready what it wants of this layer, or NULL. */
	int (*ready)(int64_t end_ms, struct trouble *t);
	void (*command)(struct command *c);
};

/* Starts it unless it answers, and waits until it does. */
int daemon_need(const struct daemon *d, int64_t end_ms, struct trouble *t);

/* A connection to a unix socket that gives up reading after 20 s; -1: none. The caller closes it. */
int daemon_connect(const char *socket);
/* Whether it says 200 to a question for `path` by HTTP: some sockets take connections long before. */
bool daemon_pings(const char *socket, const char *path);
