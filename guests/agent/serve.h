/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_SERVE_H
#define AGENT_SERVE_H

#include "agent/channel.h"

/*
 * Serves visits until BYE or the end of the channel: 0. -EPROTO when the peer does not speak
 * frames, or the channel's own error.
 */
int serve(struct channel *c);

#endif
