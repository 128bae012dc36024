/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/channel.h"
#include "agent/entry.h"

/*
 * Measures what is about to be entered (the files its driver named with command_measure(), the
 * command itself without its name) and extends RTMR3 with it. *ret_ready: whether it may be
 * started; if not, `t` says why: a layer that asks to be measured is not started unmeasured.
 * Returns only errors of our own channel.
 */
int launch_measure(struct channel *c, const struct entry *e, bool *ret_ready, struct trouble *t);

/* Extends RTMR3 with the key that such a layer has made; only our own channel can fail. */
int launch_measure_key(struct channel *c, const struct visit_layer *layer,
                       const uint8_t key[SHA256_SIZE]);

/* The image digest of format/extend.h over the command's measured files. 0 or -errno, with `t`. */
int launch_image(const struct command *command, uint8_t ret[48], struct trouble *t);
