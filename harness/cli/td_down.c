/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "cli/cmd.h"
#include "cli/td.h"

struct options {
	const char *name;
	bool all;
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	return !o->name == !o->all ? err_set(e, -EINVAL, "which one? a TD or --all") : 0;
}

static int down(const char *name)
{
	struct place p;
	struct err e = {0};
	int r = place_find(name, &p, &e);

	if (r == 0) {
		r = client_stop(&p, &e);
		place_done(&p);
	}
	return r < 0 ? cmd_failed(r == -EINVAL ? EXIT_USAGE : EXIT_BROKEN, &e) : EXIT_OK;
}

static void down_one(const char *name, const char *dir, void *userdata)
{
	int *worst = userdata, code = down(name);

	(void)dir;
	if (code > *worst)
		*worst = code;
}

int cmd_td_down(int argc, char **argv)
{
	static const struct option_row rows[] = {OPTION_FLAG(all, "all", "all that run"), {0}};
	static const struct options_of options = {
	        .about = "Powers off a trust domain that 'tception td up' has started. Nothing of "
	                 "it "
	                 "is kept.",
	        .usage = "[TD]",
	        .operand = OPTION_MEMBER(const char *, name),
	        .operands = 1,
	        .check = check,
	        .rows = rows,
	};
	struct options o = {0};
	struct err e = {0};
	int worst = EXIT_OK;

	options_parse(&options, argc, argv, &o);
	if (o.name)
		return down(o.name);
	return place_each(down_one, &worst, &e) < 0 ? cmd_failed(EXIT_BROKEN, &e) : worst;
}
