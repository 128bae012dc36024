/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/err.h"
#include "record/record.h"

/*
 * Reading a guest's clock from outside: asked and answered several times in a row, of which the
 * narrowest counts, for its two instants of the host's have the guest's between them. Without I/O.
 */
struct clock_check {
	unsigned tries;
	uint64_t asked_us;         /* of the question that is open */
	struct clock_reading best; /* narrowest so far, when tries > 0 */
};

uint64_t clock_now_us(void); /* CLOCK_MONOTONIC, not the event loop's idea of it */

/* The CLOCK frame at byte `at` of the channel came at this time. True: no more need be asked. */
bool clock_check_answer(struct clock_check *c, uint64_t answered_us, uint64_t at);

/* Adds `c->best` to the boot's readings. */
int clock_check_keep(const struct clock_check *c, struct boot_record *b, struct err *e);
