/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/channel.h"
#include "agent/visit.h"

/*
 * Serves visits until BYE or the end of the channel: 0. -EPROTO when the peer does not speak
 * frames, or the channel's own error.
 */
int serve(struct channel *c);

/* A visit with `terminal` (terminal.h): obeys, or enters the next layer and passes on. */
int terminal_serve(struct channel *c, const struct visit *visit);
