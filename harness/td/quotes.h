/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "core/err.h"

/*
 * The host's end of guests/agent/td_quotes.c: a request that a program sent to the host's vsock
 * comes by a virtio port, is put to the quoting service on `qgs_socket`, and the answer goes back
 * (empty: the service hung up). One at a time; nothing blocks.
 */
struct quotes;

/* `port` is our end, which it takes over; `qgs_socket` is copied. */
int quotes_new(sd_event *event, int port, const char *qgs_socket, struct quotes **ret,
               struct err *e);
void quotes_free(struct quotes *q);
