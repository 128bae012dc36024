/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/channel.h"
#include "agent/visit.h"

/* What one child may send, channel and console together; then it is killed. */
#define CHILD_BYTES_MAX (16u << 20)

/*
 * Enters visit->layer[1] and waits until it has ended: sends ENTER, RELAY, STDERR and LEFT. A layer
 * that can't be entered is told in LEFT and is no failure here; only errors of our own channel are
 * returned.
 */
int child_enter(struct channel *c, const struct visit *visit);
