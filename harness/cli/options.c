/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "core/enum.h"
#include "core/time.h"

#define ROWS_MAX  48
#define KEY_FIRST 256 /* argp's key of the first row, beyond all letters */

struct parsing {
	const struct options_of *verb;
	struct option_row row[ROWS_MAX]; /* without tables */
	size_t rows;
	char *options;
};

static struct err complaint;

const char *options_complaint(void)
{
	return complaint.text[0] ? complaint.text : NULL;
}

int options_number(const char *option, const char *text, unsigned max, unsigned *ret, struct err *e)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < 1 || n > max)
		return err_set(e, -EINVAL, "--%s '%.40s': expected a number from 1 to %u", option,
		               text, max);
	*ret = (unsigned)n;
	return 0;
}

int options_choice(const char *option, const char *text, const char *const names[], size_t count,
                   struct err *e)
{
	int n = enum_find(names, count, text);
	char all[256] = "";
	size_t used = 0;

	for (size_t i = 0; n < 0 && i < count && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
		                         i == 0          ? ""
		                         : i + 1 < count ? ", "
		                                         : " or ",
		                         names[i]);
	return n >= 0 ? n : err_set(e, -EINVAL, "--%s '%.40s': expected %s", option, text, all);
}

/* ---- values ---- */

static int take_choice(const struct option_row *row, void *member, const char *arg, struct err *e)
{
	int n = options_choice(row->name, arg, row->names, row->max, e);

	if (n < 0)
		return n;
	*(int *)member = n;
	return 0;
}

static int take_value(const struct option_row *row, void *member, const char *arg, struct err *e)
{
	switch (row->kind) {
	case OPTION_IS_FLAG:
		*(bool *)member = true;
		return 0;
	case OPTION_IS_TEXT:
		*(const char **)member = arg;
		return 0;
	case OPTION_IS_NUMBER:
		return options_number(row->name, arg, row->max, member, e);
	case OPTION_IS_CHOICE:
		return take_choice(row, member, arg, e);
	case OPTION_IS_CALL:
		return row->take(member, arg, e);
	case OPTION_IS_TABLE:
		break;
	}
	return 0;
}

static int take_operand(const struct parsing *p, char *arg, struct argp_state *state, struct err *e)
{
	void *member = p->options + p->verb->operand;

	if (p->verb->rest) {
		*(char ***)member = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	}
	if (state->arg_num >= p->verb->operands)
		return err_set(e, -EINVAL, "unexpected '%.40s': at most %u of %s", arg,
		               p->verb->operands, p->verb->usage ?: "nothing");
	((const char **)member)[state->arg_num] = arg;
	return 0;
}

static const struct option_row *find_row(const struct parsing *p, int key)
{
	for (size_t i = 0; i < p->rows; i++) {
		if (key == p->row[i].letter || key == KEY_FIRST + (int)i)
			return &p->row[i];
	}
	return NULL;
}

/* ---- argp ---- */

static int take(const struct parsing *p, int key, char *arg, struct argp_state *state,
                struct err *e)
{
	const struct option_row *row;

	switch (key) {
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	case ARGP_KEY_ARG:
		return take_operand(p, arg, state, e);
	case ARGP_KEY_END:
		if (p->verb->missing && state->arg_num == 0)
			return err_set(e, -EINVAL, "%s", p->verb->missing);
		return p->verb->check ? p->verb->check(p->options, e) : 0;
	}
	row = key ? find_row(p, key) : NULL;
	return row ? take_value(row, p->options + row->member, arg, e) : ARGP_ERR_UNKNOWN;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	int r = take(state->input, key, arg, state, &complaint);

	if (r == -EINVAL)
		argp_error(state, "%s", complaint.text);
	else if (r < 0)
		argp_failure(state, EXIT_USAGE, 0, "%s", complaint.text);
	return r;
}

static void add_rows(struct parsing *p, const struct option_row *rows, size_t base)
{
	for (; rows && (rows->help || rows->table); rows++) {
		if (rows->table) {
			add_rows(p, rows->table, base + rows->member);
			continue;
		}
		if (p->rows == ROWS_MAX)
			abort();
		p->row[p->rows] = *rows;
		p->row[p->rows++].member += base;
	}
}

void options_parse(const struct options_of *verb, int argc, char **argv, void *options)
{
	struct argp_option list[ROWS_MAX + 2] = {{NULL, 'h', NULL, OPTION_HIDDEN, NULL, 0}};
	const struct argp argp = {list, parse, verb->usage, verb->about, NULL, NULL, NULL};
	struct parsing p = {.verb = verb, .options = options};
	int group = 0;

	add_rows(&p, verb->rows, 0);
	for (size_t i = 0; i < p.rows; i++) {
		const struct option_row *row = &p.row[i];
		int key = row->letter ? row->letter : KEY_FIRST + (int)i;

		group += !row->name;
		int how = row->optional ? OPTION_ARG_OPTIONAL : 0;

		list[i + 1] = (struct argp_option){row->name, row->name ? key : 0, row->value,
		                                   how,       row->help,           group};
	}
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, verb->rest ? ARGP_IN_ORDER : 0, NULL, &p);
}

/* Seconds, or a date. */
int options_take_time(void *ret, const char *text, struct err *e)
{
	long long seconds;
	char *end;

	errno = 0;
	seconds = strtoll(text, &end, 10);
	if (end != text && *end == '\0' && errno == 0) {
		*(time_t *)ret = (time_t)seconds;
		return 0;
	}
	if (time_read(text, ret) < 0)
		return err_set(e, -EINVAL, "--at: no such time: %.40s", text);
	return 0;
}
