/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "core/err.h"
#include "format/task.h"

/*
 * The keeper's side of the ports on which programs run: whoever connects to its socket and sends
 * RUN gets a free port; from then on whole records go from one to the other, unread but for their
 * headers, until END. A guest that does not speak so loses its port.
 */
struct wires;

/* `ports` are our ends, which it takes over. */
int wires_new(sd_event *event, const int *ports, size_t count, bool closed, struct wires **ret,
              struct err *e);
void wires_free(struct wires *w);
/* A new connection; `fd` is taken over. */
void wires_connect(struct wires *w, int fd);
/* Programs are refused before this, when `closed` says so: ENOTCONN. */
void wires_open(struct wires *w);
/* Tells all whose program runs why the TD ends; a client that reads nothing is not waited for. */
void wires_say(struct wires *w, const char *why);
/* Called when somebody asks for the TD's end. Who asks is hung up on by wires_free(). */
void wires_on_stop(struct wires *w, void (*stop)(void *userdata), void *userdata);
