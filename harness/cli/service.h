/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "core/err.h"
#include "trust/trust.h"

/* What the verbs share that serve something of the test authority until they are ended. */

/* Writes its root certificate and a bundle of its collateral to files; NULL: not. */
int service_write(const struct authority *a, const char *root, const char *collateral,
                  struct err *e);
/* A loop that SIGINT and SIGTERM end, so that what was made on the way goes away. */
int service_loop(sd_event **ret, struct err *e);
