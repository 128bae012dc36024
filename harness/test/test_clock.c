/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a guest's clock runs, from readings and frames that are made up here. */
#include <math.h>

#include "format/frame.h"
#include "judge/clock.h"
#include "run/clock.h"
#include "test/tests.h"

#define READINGS_MAX 8

static uint8_t channel[4096];
static size_t size;
static struct clock_reading reading[READINGS_MAX];
static struct boot_record boot = {.clock = reading};

static void add_frame(enum frame_type type, const char *text)
{
	struct frame_header h = {.type = type, .length = (uint32_t)strlen(text)};

	frame_header_write(&h, channel + size);
	memcpy(channel + size + FRAME_HEADER_SIZE, text, h.length);
	size += FRAME_HEADER_SIZE + h.length;
}

/* The guest says `told` at some time of the host's between these two; all in ms. */
static void add(double told, double asked, double answered)
{
	char text[64];

	reading[boot.clocks++] =
	        (struct clock_reading){(uint64_t)(asked * 1e3), (uint64_t)(answered * 1e3), size};
	snprintf(text, sizeof(text), "{\"monotonic_us\":%.0f}", told * 1e3);
	add_frame(FRAME_CLOCK, text);
}

static struct clock_verdict judge(void)
{
	struct bytes bytes = {channel, size};
	struct clock_verdict v;

	clock_judge(&boot, &bytes, &v);
	return v;
}

/* A boot of ten seconds of the host's, its clock read at both ends within so many ms. */
static const struct {
	double rate, width;
	enum clock_state state;
} table[] = {
        {1, 1, CLOCK_RIGHT},        {1.009, 1, CLOCK_RIGHT},   {0.991, 1, CLOCK_RIGHT},
        {1.011, 1, CLOCK_WRONG},    {0.989, 1, CLOCK_WRONG},   {21, 1, CLOCK_WRONG},
        {0.046, 1, CLOCK_WRONG},    {0, 1, CLOCK_WRONG},       {-1, 1, CLOCK_WRONG},
        {1, 80, CLOCK_RIGHT},       {1, 120, CLOCK_UNKNOWN},   {1.02, 80, CLOCK_WRONG},
        {1.02, 120, CLOCK_UNKNOWN}, {1, 30000, CLOCK_UNKNOWN}, {21, 3000, CLOCK_WRONG},
};

TEST_EACH(rates, table)
{
	double w = table[_i].width, rate = table[_i].rate;

	add(50000, 100000 - w / 2, 100000 + w / 2);
	add(50000 + 10000 * rate, 110000 - w / 2, 110000 + w / 2);
	struct clock_verdict v = judge();
	ck_assert_msg(v.state == table[_i].state, "row %d: %s, %f to %f", _i,
	              clock_state_names[v.state], v.low, v.high);
	if (v.low >= 0)
		ck_assert(v.low <= rate + 1e-6 && v.high >= rate - 1e-6);
}

/* Two that are wide on either side, and one that is narrow on each: the narrow ones count. */
TEST(best_of_all)
{
	add(0, 1000, 4000);
	add(500, 3500, 3501);
	add(8000, 11000, 11001);
	add(8500, 9000, 15000);
	struct clock_verdict v = judge();
	ck_assert_int_eq(v.state, CLOCK_RIGHT);
	ck_assert(v.low > 0.9998 && v.high < 1.0002);
}

/* What was set to another time on the way is not right, at whatever rate it goes. */
TEST(a_jump)
{
	add(0, 1000, 1001);
	add(5000, 6000, 6001);
	add(10500, 11000, 11001);
	struct clock_verdict v = judge();
	ck_assert_int_eq(v.state, CLOCK_WRONG);
	ck_assert(v.low <= v.high);
}

/* Nothing to go by is no verdict: one reading, another frame, no number, beyond the channel. */
TEST(nothing_to_go_by)
{
	static const char *const text[] = {"{\"monotonic_us\":\"1\"}", "{\"monotonic_us\":-5}",
	                                   "{}", "[]", "{\"monotonic_us\":1.5}"};

	ck_assert_int_eq(judge().state, CLOCK_UNKNOWN);
	add(0, 1000, 1001);
	ck_assert_int_eq(judge().state, CLOCK_UNKNOWN);
	for (size_t i = 0; i < COUNT_OF(text); i++) {
		reading[1] = (struct clock_reading){11000000, 11001000, size};
		boot.clocks = 2;
		add_frame(FRAME_CLOCK, text[i]);
		ck_assert_int_eq(judge().state, CLOCK_UNKNOWN);
		ck_assert(judge().low < 0 && judge().high < 0);
	}
	reading[1].at = size;
	add_frame(FRAME_HELLO, "{\"monotonic_us\":99}");
	ck_assert_int_eq(judge().state, CLOCK_UNKNOWN);
	reading[1].at = size - 1;
	ck_assert_int_eq(judge().state, CLOCK_UNKNOWN);
	reading[1].at = UINT64_MAX;
	ck_assert_int_eq(judge().state, CLOCK_UNKNOWN);
}

/* The narrowest answer is kept; a narrow one ends the asking, and so does the number of them. */
TEST(asking)
{
	struct boot_record b = {0};
	struct clock_check c = {.asked_us = 1000};
	struct err e;
	int asked = 1;

	ck_assert(!clock_check_answer(&c, 91000, 7));
	c.asked_us = 100000;
	ck_assert(!clock_check_answer(&c, 150000, 8));
	c.asked_us = 200000;
	ck_assert(!clock_check_answer(&c, 270000, 9));
	ck_assert_int_eq(clock_check_keep(&c, &b, &e), 0);
	ck_assert_uint_eq(b.clocks, 1);
	ck_assert(b.clock[0].asked_us == 100000 && b.clock[0].answered_us == 150000 &&
	          b.clock[0].at == 8);
	c.asked_us = 300000;
	ck_assert(clock_check_answer(&c, 300400, 10));
	ck_assert_uint_eq(c.best.at, 10);
	for (c = (struct clock_check){0}; !clock_check_answer(&c, 1000000, 1); asked++)
		;
	ck_assert_int_lt(asked, 100);
	for (size_t i = 0; i < CLOCKS_MAX + 5; i++) {
		c.best.at = i;
		ck_assert_int_eq(clock_check_keep(&c, &b, &e), 0);
	}
	ck_assert_uint_eq(b.clocks, CLOCKS_MAX);
	ck_assert_uint_eq(b.clock[CLOCKS_MAX - 1].at, CLOCKS_MAX + 4);
	free(b.clock);
}

TESTS("clock", .apart = true)
