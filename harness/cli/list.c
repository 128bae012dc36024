/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "case/case.h"
#include "cli/cmd.h"
#include "core/enum.h"

static void print_case(const struct test_case *c, int width)
{
	const struct expectation *x = &c->expect;
	char seen[128];
	FILE *out = fmemopen(seen, sizeof(seen), "w");

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
	printf("%-*s  %-36s  %s\n", width, c->id, seen, c->why);
}

int cmd_list(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "cases/default.yaml";
	struct case_file cases;
	int width = 0;
	struct err e;

	if (argc > 2 || strcmp(path, "--help") == 0) {
		puts("usage: tception list [CASES]\nThe cells of a case file (cases/default.yaml) "
		     "and what is expected of them.");
		return argc > 2 ? EXIT_USAGE : EXIT_OK;
	}
	if (case_file_load(path, &cases, &e) < 0) {
		fprintf(stderr, "tception: %s\n", e.text);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < cases.count; i++) {
		int n = (int)strlen(cases.item[i].id);

		width = n > width ? n : width;
	}
	for (size_t i = 0; i < cases.count; i++)
		print_case(&cases.item[i], width);
	case_file_done(&cases);
	return EXIT_OK;
}
