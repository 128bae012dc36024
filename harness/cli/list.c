/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "case/case.h"
#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/options.h"
#include "core/enum.h"
#include "core/file.h"
#include "core/install.h"
#include "core/terminal.h"
#include "report/kinds.h"

struct options {
	const char *path;
	bool kinds, json;
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	return o->kinds && o->path ? err_set(e, -EINVAL, "a case file or --kinds, not both") : 0;
}

static void expected_text(const struct expectation *x, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");

	text[0] = '\0';
	if (!out)
		return;
	fputs(x->entered ? ENUM_NAME(grade_names, x->grade) : "not entered", out);
	if (x->rung >= 0)
		fprintf(out, ", %s false%s%s", rung_names[x->rung], x->error[0] ? " " : "",
		        x->error);
	if (x->kvm >= 0)
		fprintf(out, ", kvm %s", kvm_state_names[x->kvm]);
	if (x->extend[0])
		fprintf(out, ", extend %s", x->extend);
	fclose(out);
}

static int print_cases(const struct case_file *cases)
{
	unsigned columns = terminal_columns();
	char expected[128];
	bool narrow;
	int width = 0;

	for (size_t i = 0; i < cases->count; i++) {
		int n = (int)strlen(cases->item[i].id);

		width = n > width ? n : width;
	}
	narrow = columns && columns < (unsigned)width + 64;
	for (size_t i = 0; i < cases->count; i++) {
		const struct test_case *c = &cases->item[i];

		expected_text(&c->expect, expected, sizeof(expected));
		if (narrow)
			printf("%s\n  %s\n  ", c->id, c->excluded ? "excluded" : expected);
		else
			printf("%-*s  %-36s  ", width, c->id, c->excluded ? "excluded" : expected);
		terminal_wrap(stdout, c->excluded ?: c->why, narrow ? 2 : (unsigned)width + 40,
		              columns);
	}
	return 0;
}

static json_t *tags_json(const char *tags)
{
	json_t *list = json_array();
	char tag[TAG_MAX];
	int used;

	for (; tags && sscanf(tags, " %39s%n", tag, &used) == 1; tags += used)
		json_array_append_new(list, json_string(tag));
	return list;
}

static json_t *cases_json(const struct case_file *cases)
{
	json_t *list = json_array();
	char expected[128];

	for (size_t i = 0; i < cases->count; i++) {
		const struct test_case *c = &cases->item[i];

		expected_text(&c->expect, expected, sizeof(expected));
		json_array_append_new(list,
		                      json_pack("{s:s, s:s, s:s, s:i, s:o, s:s?}", "cell", c->id,
		                                "expected", expected, "why", c->why, "line",
		                                c->line, "tags", tags_json(c->tags), "excluded",
		                                c->excluded));
	}
	return list;
}

const char *cmd_default_cases(void)
{
	static const char *const usual = "cases/default.yaml";
	static char path[PATH_MAX];
	char dir[PATH_MAX];
	bool installed;

	if (access(usual, F_OK) == 0 || install_dir(dir, &installed, NULL) < 0 || !installed)
		return usual;
	return path_join(path, dir, usual, NULL) == 0 ? path : usual;
}

static int list_cases(const struct options *o, struct err *e)
{
	struct case_file cases;
	int r = case_file_load(o->path ?: cmd_default_cases(), &cases, e);

	if (r < 0)
		return r;
	r = o->json ? json_print(cases_json(&cases)) : print_cases(&cases);
	case_file_done(&cases);
	return r < 0 ? err_nomem(e) : 0;
}

int cmd_list(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_FLAG(kinds, "kinds",
	                    "what a cell can be written with: kinds of layers, grants, axes"),
	        OPTION_JSON,
	        {0},
	};
	static const struct options_of options = {
	        .about = "The cells of a case file (cases/default.yaml) and what is expected of "
	                 "them.",
	        .usage = "[CASES]",
	        .operand = OPTION_MEMBER(const char *, path),
	        .operands = 1,
	        .check = check,
	        .rows = rows,
	};
	struct options o = {0};
	struct err e = {0};
	int r = 0;

	options_parse(&options, argc, argv, &o);
	if (!o.kinds && list_cases(&o, &e) < 0)
		return cmd_failed(EXIT_USAGE, &e);
	if (o.kinds && o.json)
		r = json_print(kinds_json());
	else if (o.kinds)
		kinds_print(stdout);
	return r == 0 && fflush(stdout) == 0 ? EXIT_OK : EXIT_BROKEN;
}
