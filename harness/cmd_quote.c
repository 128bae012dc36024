/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_quote.h"

#include <stdio.h>
#include <string.h>

#include "cmd.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} verbs[] = {
        {"parse", cmd_quote_parse, "show what a quote says, without judging it"},
        {"verify", cmd_quote_verify, "judge quotes, offline, by Intel's collateral and a policy"},
        {"fetch", cmd_quote_fetch, "get the collateral that verify needs"},
};

static void usage(FILE *out)
{
	fprintf(out, "usage: tception quote WHAT [OPTION...] FILE\n\n");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(out, "  %-9s %s\n", verbs[i].name, verbs[i].help);
	fprintf(out, "\nEach has its own --help.\n");
}

int cmd_quote(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
		usage(stdout);
		return EXIT_OK;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, what) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	}
	usage(stderr);
	return EXIT_USAGE;
}
