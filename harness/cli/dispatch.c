/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"

static void print_usage(const struct subverb verbs[], size_t count, const char *usage, FILE *out)
{
	fprintf(out, "usage: %s\n\n", usage);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "  %-9s %s\n", verbs[i].name, verbs[i].help);
	fprintf(out, "\nEach has its own --help.\n");
}

int cmd_dispatch(const struct subverb verbs[], size_t count, const char *usage, int argc,
                 char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char name[64];

	if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
		print_usage(verbs, count, usage, stdout);
		return EXIT_OK;
	}
	for (size_t i = 0; i < count; i++) {
		if (strcmp(verbs[i].name, what) != 0)
			continue;
		snprintf(name, sizeof(name), "%s %s", argv[0], what);
		argv[1] = name;
		return verbs[i].run(argc - 1, argv + 1);
	}
	print_usage(verbs, count, usage, stderr);
	return EXIT_USAGE;
}
