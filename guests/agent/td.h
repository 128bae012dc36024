/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "agent/channel.h"

/*
 * A machine for somebody's own work, `tception td`: on a TD frame it gets its files, a network and
 * what foreign software asks for quotes, and runs programs on ports of their own (format/task.h).
 */
#define TD_ROOT "/run/tception/rootfs" /* where somebody's own root file system is */
#define TD_WORK "/work"                /* where programs start */

/* td.c: makes it so and answers with SERVING. */
int td_begin(struct channel *c, const json_t *object);

/* td_task.c: runs one program after another as a port asks for; until the port's end, 0 or -errno. */
int td_serve_tasks(int port);
/* The one program that is asked for on a pair of pipes. */
int td_serve_task(int from, int to);

/* td_quotes.c: a vsock port on which clients of a quoting service find the host's; a listening
 * descriptor or -errno. */
int td_quotes_listen(unsigned port);
/* Takes what comes there to the host and back, for ever. */
void td_quotes_serve(int listener, int port);
/* How many bytes make this request complete; 0: it can't become one. */
size_t td_quotes_size(const uint8_t *data, size_t have);

/* td_root.c: mounts somebody's own root at TD_ROOT and puts there what programs look for; the same
 * for one more folder. */
int td_root_up(void);
int td_root_bind(const char *path);

/* td_share.c: a folder of the host's, which answers on `port`, at that path. */
int td_share_mount(const char *path, bool read_only, int port);

/* td_docker.c: Docker's daemon, started by the first who asks. */
int td_docker_listen(void);
void td_docker_serve(int listener);
