/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_CLI_OPTIONS_H
#define TCEPTION_CLI_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#include "format/bytes.h"

/*
 * The dialect of the command line. A letter means the same to every verb that has it: -o what is
 * written (--output), -j how many at once (--jobs), -f the form of what is printed (--format), -r
 * the registers, too (--registers), -h help. All other options are long only. What several verbs share is an argp of its own, a child of
 * theirs: here, in options_run.h, evidence.h and measure.h. What a child fills in, [so] in its
 * comment, the verb hands to it by state->child_inputs in ARGP_KEY_INIT.
 */
extern const struct argp options_json; /* [bool]: --json */

/* argp_parse() that also knows -h, and ends with EXIT_USAGE on whatever the verb does not take. */
void options_parse(const struct argp *verb, int argc, char **argv, unsigned flags, void *input);

/*
 * The argument of an option, a number from 1 to `max` or one of `names`, which gives its index;
 * whatever else it is ends the program with a complaint that names the option.
 */
unsigned options_number(const struct argp_state *state, const char *option, const char *arg,
                        unsigned max);
int options_choice(const struct argp_state *state, const char *option, const char *arg,
                   const char *const names[], size_t count);
#define OPTIONS_CHOICE(state, option, arg, names) \
	options_choice(state, option, arg, names, COUNT_OF(names))

#endif
