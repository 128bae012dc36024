/* SPDX-License-Identifier: Apache-2.0 */
#include "run/clock.h"

#include <stdlib.h>
#include <time.h>

#define TRIES   24   /* on a host that is busy */
#define GOOD_US 1500 /* no better one is looked for */

uint64_t clock_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

bool clock_check_answer(struct clock_check *c, uint64_t answered_us, uint64_t at)
{
	uint64_t width = answered_us - c->asked_us;

	if (c->tries == 0 || width < c->best.answered_us - c->best.asked_us)
		c->best = (struct clock_reading){c->asked_us, answered_us, at};
	c->tries++;
	return width <= GOOD_US || c->tries == TRIES;
}

int clock_check_keep(const struct clock_check *c, struct boot_record *b, struct err *e)
{
	struct clock_reading *bigger;

	if (b->clocks == CLOCKS_MAX)
		b->clocks--; /* the last says more than the one before */
	bigger = reallocarray(b->clock, b->clocks + 1, sizeof(*bigger));
	if (!bigger)
		return err_nomem(e);
	b->clock = bigger;
	b->clock[b->clocks++] = c->best;
	return 0;
}
