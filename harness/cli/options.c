/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "core/enum.h"

#define CHILDREN_MAX 8

enum { KEY_JSON = 256 };

unsigned options_number(const struct argp_state *state, const char *option, const char *arg,
                        unsigned max)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	if (*arg < '0' || *arg > '9' || *end || n < 1 || n > max)
		argp_error(state, "%s '%.40s': expected a number from 1 to %u", option, arg, max);
	return (unsigned)n;
}

int options_choice(const struct argp_state *state, const char *option, const char *arg,
                   const char *const names[], size_t count)
{
	int n = enum_find(names, count, arg);
	char all[256] = "";
	size_t used = 0;

	for (size_t i = 0; n < 0 && i < count && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
		                         i == 0          ? ""
		                         : i + 1 < count ? ", "
		                                         : " or ",
		                         names[i]);
	if (n < 0)
		argp_error(state, "%s '%.40s': expected %s", option, arg, all);
	return n;
}

/* ---- help by a letter ---- */

static error_t parse_help(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != 'h')
		return ARGP_ERR_UNKNOWN;
	argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
	return 0;
}

void options_parse(const struct argp *verb, int argc, char **argv, unsigned flags, void *input)
{
	static const struct argp_option letter[] = {{NULL, 'h', NULL, OPTION_HIDDEN, NULL, 0}, {0}};
	static const struct argp help = {.options = letter, .parser = parse_help};
	struct argp_child children[CHILDREN_MAX + 2] = {0};
	struct argp all = *verb;
	size_t n = 0;

	for (; verb->children && verb->children[n].argp && n < CHILDREN_MAX; n++)
		children[n] = verb->children[n];
	children[n].argp = &help;
	all.children = children;
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&all, argc, argv, flags, NULL, input);
}

/* ---- --json ---- */

static error_t parse_json(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != KEY_JSON)
		return ARGP_ERR_UNKNOWN;
	*(bool *)state->input = true;
	return 0;
}

static const struct argp_option json_list[] = {{"json", KEY_JSON, NULL, 0, "print JSON", 0}, {0}};
const struct argp options_json = {.options = json_list, .parser = parse_json};
