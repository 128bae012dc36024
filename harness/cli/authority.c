/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/authority.h"

#include "core/cleanup.h"

enum { KEY_STATE = 256 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	if (key != KEY_STATE)
		return ARGP_ERR_UNKNOWN;
	*(const char **)state->input = arg;
	return 0;
}

static const struct argp_option list[] = {
        {"state-dir", KEY_STATE, "DIR", 0,
         "keys of the test root for emulated TDs ($XDG_STATE_HOME/tception)", 0},
        {0},
};
const struct argp authority_options = {.options = list, .parser = parse};

int authority_take(const char *dir, struct authority **ret, struct err *e)
{
	_cleanup_(freep) char *usual = NULL;
	int r = dir ? 0 : authority_default_dir(&usual, e);

	return r < 0 ? r : authority_open(dir ? dir : usual, ret, e);
}
