/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/td.h"

struct options {
	struct td_wish wish;
	const char *name;
	bool json;
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	return o->name && o->wish.name ? err_set(e, -EINVAL, "one name is enough") : 0;
}

static int print(const struct td_spec *s, bool json, struct err *e)
{
	json_t *td;
	int r;

	if (!json) {
		printf("%s\n", s->place.name);
		return 0;
	}
	r = client_describe(&s->place, &td, e);
	return r < 0 ? r : td_print(td, e);
}

int cmd_td_up(int argc, char **argv)
{
	static const struct option_row rows[] = {OPTIONS_OF_A_TD, OPTION_JSON, {0}};
	static const struct options_of options = {
	        .about = "Boots a trust domain that stays until 'tception td down', and prints its "
	                 "name when programs can be run there.",
	        .usage = "[NAME]",
	        .operand = OPTION_MEMBER(const char *, name),
	        .operands = 1,
	        .check = check,
	        .rows = rows,
	};
	struct options o = {0};
	struct td_spec s;
	struct err e = {0};
	int r;

	options_parse(&options, argc, argv, &o);
	if (o.name)
		o.wish.name = o.name;
	r = td_start(&o.wish, &s, NULL, &e);
	if (r < 0)
		return td_exit(r, &e);
	r = print(&s, o.json, &e);
	td_unmake(&s);
	return td_exit(r, &e);
}
