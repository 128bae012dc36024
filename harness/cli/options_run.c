/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options_run.h"

#include <string.h>

enum { KEY_JSON = 256, KEY_COLLATERAL, KEY_PLATFORM };

/* ---- --format ---- */

static void take_format(struct format_option *o, const char *arg, const struct argp_state *state)
{
	const char *name = strcmp(arg, "md") == 0 ? "markdown" : arg;

	o->format =
	        (enum report_format)OPTIONS_CHOICE(state, "--format", name, report_format_names);
	if (!(o->made >> o->format & 1))
		argp_error(state, "--format %s is not for this verb", name);
}

static error_t parse_format(int key, char *arg, struct argp_state *state)
{
	struct format_option *o = state->input;

	switch (key) {
	case 'f':
		take_format(o, arg, state);
		return 0;
	case KEY_JSON:
		o->format = REPORT_JSON;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option format_list[] = {
        {"format", 'f', "FORMAT", 0,
         "table (default), json, markdown (or md), of one run also junit", 0},
        {"json", KEY_JSON, NULL, 0, "the same as --format json", 0},
        {0},
};
const struct argp options_format = {.options = format_list, .parser = parse_format};

/* ---- --collateral ---- */

static error_t parse_collateral(int key, char *arg, struct argp_state *state)
{
	if (key != KEY_COLLATERAL)
		return ARGP_ERR_UNKNOWN;
	*(const char **)state->input = arg;
	return 0;
}

static const struct argp_option collateral_list[] = {
        {"collateral", KEY_COLLATERAL, "DIR|FILE", 0,
         "judge the TCB of the run's platforms by this collateral too, and keep it with the run",
         0},
        {0},
};
const struct argp options_collateral = {.options = collateral_list, .parser = parse_collateral};

/* ---- --platform ---- */

static error_t parse_platform(int key, char *arg, struct argp_state *state)
{
	static const char *const names[] = {"auto", "emulated", "hardware"};
	int platform;

	if (key != KEY_PLATFORM)
		return ARGP_ERR_UNKNOWN;
	platform = OPTIONS_CHOICE(state, "--platform", arg,
	                          names); /* "auto" stands in PLATFORM_NONE's place */
	*(int *)state->input = platform ? platform : -1;
	return 0;
}

static const struct argp_option platform_list[] = {
        {"platform", KEY_PLATFORM, "WHICH", 0,
         "who makes trust domains: hardware, emulated, or auto (hardware where it works)", 0},
        {0},
};
const struct argp options_platform = {.options = platform_list, .parser = parse_platform};
