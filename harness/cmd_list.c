/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "case/case.h"
#include "cmd.h"
#include "core/enum.h"

static void print_case(const struct test_case *c)
{
	const struct expectation *x = &c->expect;
	char seen[96];
	int n;

	n = snprintf(seen, sizeof(seen), "%s",
	             x->entered ? ENUM_NAME(grade_names, x->grade) : "not entered");
	if (x->rung >= 0)
		n += snprintf(seen + n, sizeof(seen) - (size_t)n, ", %s false%s%s",
		              rung_names[x->rung], x->error[0] ? " " : "", x->error);
	if (x->kvm >= 0)
		snprintf(seen + n, sizeof(seen) - (size_t)n, ", kvm %s", kvm_state_names[x->kvm]);
	printf("%-32s %-36s %s\n", c->id, seen, c->why);
}

int cmd_list(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "cases/default.yaml";
	struct case_file cases;
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
	for (size_t i = 0; i < cases.count; i++)
		print_case(&cases.item[i]);
	case_file_done(&cases);
	return EXIT_OK;
}
