/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/channel.h"
#include "agent/visit.h"
#include "format/extend.h"

/*
 * Extending RTMR3, and telling so in an EXTEND frame. RTMR0 to RTMR2 are the boot's and are never
 * touched: of these we only find out whether they could be.
 */

/* Tries each interface with an event of its own, bound to the visit. Only our channel can fail. */
int extend_probe(struct channel *c, const struct visit_layer *layer);

/* Extends with EXTEND_LAUNCH or EXTEND_KEY, see format/extend.h. *ret_error: 0, or why it was not possible. */
int extend_event(struct channel *c, const char *event, const char *payload, int *ret_error);
