/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_BROKER_H
#define AGENT_BROKER_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Quotes for a layer that has no TDX interface at all: the layer below listens on a unix socket
 * that is bound into the container. A request is 64 bytes, the REPORTDATA; the answer is a REPORT
 * object (README.md) without "interface", up to the end of the connection. A client chooses nothing
 * else. It is served by a process of its own: one request at a time, BROKER_REQUESTS of them, a
 * client that doesn't send its 64 bytes in BROKER_PATIENCE_MS is dropped.
 */
#define BROKER_REQUESTS    16
#define BROKER_PATIENCE_MS 2000

/* `path` is at most 107 bytes; it is made, for everybody to connect to. */
int broker_start(const char *path, pid_t *ret);
/* Ends the process and removes the socket. */
void broker_stop(const char *path, pid_t pid);

/* Whether this layer was given one: a file of that name may be what is left of another's bind. */
bool broker_present(void);
/* The other side, see probe.h: asks the socket at BROKER_PATH. */
json_t *report_broker(void *arg);

#endif
