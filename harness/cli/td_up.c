/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "cli/td.h"
#include "core/cleanup.h"
#include "core/file.h"

struct options {
	struct td_wish wish;
	const char *name;
	bool json;
};

#define DESCRIBED_MAX (64u << 10)

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	return o->name && o->wish.name ? err_set(e, -EINVAL, "one name is enough") : 0;
}

static int print(const struct td_spec *s, bool json, struct err *e)
{
	_cleanup_(bytes_free) struct bytes text = {0};
	char path[PATH_MAX];
	int r;

	if (!json) {
		printf("%s\n", s->place.name);
		return 0;
	}
	r = path_join(path, s->place.dir, "td.json", e);
	if (r == 0)
		r = file_read(path, DESCRIBED_MAX, &text, e);
	if (r == 0)
		printf("%s\n", (const char *)text.data);
	return r;
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
