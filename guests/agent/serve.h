/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/channel.h"

/*
 * Serves visits until BYE or the end of the channel: 0. -EPROTO when the peer does not speak
 * frames, or the channel's own error.
 */
int serve(struct channel *c);
