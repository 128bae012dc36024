/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/clock.h"

#include <math.h>

#include "judge/frames.h"

const char *const clock_state_names[3] = {
        [CLOCK_UNKNOWN] = "unknown",
        [CLOCK_RIGHT] = "right",
        [CLOCK_WRONG] = "wrong",
};

/* What the guest's clock said, in microseconds, or < 0: the frame is not there, or says nothing. */
static json_int_t told_us(const struct bytes *channel, uint64_t at)
{
	struct frame_cursor c = {.data = channel->data, .size = channel->size, .pos = at};
	struct frame_view f;
	json_int_t us = -1;
	json_t *o;

	if (at > channel->size || !frames_next(&c, &f) || f.header.type != FRAME_CLOCK)
		return -1;
	o = frame_json(&f);
	us = member_integer(o, "monotonic_us", -1);
	json_decref(o);
	return us;
}

/* Narrows the bounds by what two readings say. */
static void narrow(const struct clock_reading *a, const struct clock_reading *b, double told,
                   double *low, double *high)
{
	double most = (double)b->answered_us - (double)a->asked_us;
	double least = (double)b->asked_us - (double)a->answered_us;

	if (most > 0)
		*low = fmax(*low, told / most);
	if (least > 0)
		*high = fmin(*high, told / least);
}

static enum clock_state state_of(double low, double high)
{
	if (low > 1 + CLOCK_TOLERANCE || high < 1 - CLOCK_TOLERANCE)
		return CLOCK_WRONG;
	return low >= 1 - CLOCK_TOLERANCE && high <= 1 + CLOCK_TOLERANCE ? CLOCK_RIGHT
	                                                                 : CLOCK_UNKNOWN;
}

void clock_judge(const struct boot_record *b, const struct bytes *channel,
                 struct clock_verdict *ret)
{
	json_int_t told[CLOCKS_MAX];
	double low = -INFINITY, high = INFINITY;
	size_t count = b->clocks < CLOCKS_MAX ? b->clocks : CLOCKS_MAX;

	for (size_t i = 0; i < count; i++)
		told[i] = told_us(channel, b->clock[i].at);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = i + 1; told[i] >= 0 && k < count; k++) {
			if (told[k] >= 0)
				narrow(&b->clock[i], &b->clock[k],
				       (double)told[k] - (double)told[i], &low, &high);
		}
	}
	*ret = (struct clock_verdict){state_of(low, high), -1, -1};
	if (isfinite(low) && isfinite(high)) {
		ret->low = fmin(low, high); /* a clock that was set again can cross them */
		ret->high = fmax(low, high);
	}
}
