/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#include "agent/process.h"

/*
 * Quotes for a layer that has no TDX interface at all, from the layer below: for a container on a
 * unix socket that is bound into it, for a VM on a serial line. A request is 64 bytes, the
 * REPORTDATA; the answer is a REPORT object (README.md) without "interface", one line of text. A
 * client chooses nothing else. It is served by a process of its own: one request at a time,
 * BROKER_REQUESTS of them, one for each connection to a socket; who doesn't send its 64 bytes in
 * broker_patience_ms is told so (ETIMEDOUT), and dropped.
 */
#define BROKER_REQUESTS 16
extern int broker_patience_ms; /* a nested VM writes slowly under TCG; tests wait less long */

struct broker {
	pid_t pid;      /* 0: there is none */
	char path[108]; /* the socket, or the line that the VM is to have */
	bool socket;
};

/* `path` is at most 107 bytes; it is made, for everybody to connect to. */
int broker_start(const char *path, struct broker *ret);
/* A pseudo-terminal, for a VM to have as its serial line. */
int broker_line_start(struct broker *ret, struct trouble *t);
/* Ends the process and removes the socket; does nothing where there is none. */
void broker_stop(struct broker *b);

#define BROKER_PATH "/broker.socket" /* in the container */
int broker_address(const char *path, struct sockaddr_un *ret);
/* A REPORT of what did not come to a quote. */
json_t *broker_failed(const char *step, int error);
/* How a VM finds it: the virtio port of that name, else the word of the kernel's command line. */
#define BROKER_PORT   "tception-broker"
#define BROKER_OPTION "tception.broker="

/* Whether this layer was given one: a file of that name may be what is left of another's bind. */
bool broker_present(void);
/* report_broker.c, see probe.h: asks the socket at BROKER_PATH, or the serial line. */
json_t *report_broker(void *arg);
