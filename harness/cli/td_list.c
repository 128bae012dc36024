/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/td.h"
#include "core/file.h"
#include "core/json.h"

struct options {
	bool json;
};

/* One whose folder is being made or removed has no description, and is left out. */
static void add(const char *name, const char *dir, void *userdata)
{
	char path[PATH_MAX];
	json_t *o;

	(void)name;
	if (path_join(path, dir, "td.json", NULL) < 0)
		return;
	o = json_load_file(path, 0, NULL);
	if (o)
		json_array_append_new(userdata, o);
}

static void print_lines(const json_t *all)
{
	const json_t *o;
	size_t i;

	if (json_array_size(all))
		printf("%-16s %-9s %-17s %5s %7s  %s\n", "NAME", "PLATFORM", "PROFILE", "VCPUS",
		       "MIB", "PCCS");
	json_array_foreach(all, i, o)
	        printf("%-16s %-9s %-17s %5d %7d  %s\n", member_text(o, "name") ?: "?",
	               member_bool(o, "emulated", true) ? "EMULATED" : "hardware",
	               member_text(o, "profile") ?: "", (int)member_integer(o, "vcpus", 0),
	               (int)member_integer(o, "memory_mib", 0), member_text(o, "pccs") ?: "");
}

int cmd_td_list(int argc, char **argv)
{
	static const struct option_row rows[] = {OPTION_JSON, {0}};
	static const struct options_of options = {
	        .about = "Shows the trust domains of this user that run.",
	        .rows = rows,
	};
	struct options o = {0};
	json_t *all = json_array();
	struct err e = {0};
	int r;

	options_parse(&options, argc, argv, &o);
	r = place_each(add, all, &e);
	if (r == 0 && o.json) {
		r = td_print(json_incref(all), &e);
	} else if (r == 0) {
		print_lines(all);
	}
	json_decref(all);
	return r < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_OK;
}
