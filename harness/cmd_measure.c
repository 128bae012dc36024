/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_measure.h"

#include <stdio.h>
#include <string.h>

#include "cmd.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} verbs[] = {
        {"mrtd", cmd_measure_mrtd, "MRTD of a firmware image, in both page orders"},
        {"rtmr", cmd_measure_rtmr, "predict RTMR0 to RTMR2 from what a TD is started with"},
        {"explain", cmd_measure_explain, "why a quote or log has other values than predicted"},
        {"acpi", cmd_measure_acpi, "capture the ACPI tables that QEMU makes for a command line"},
};

static void usage(FILE *out)
{
	fprintf(out, "usage: tception measure WHAT [OPTION...]\n\n");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(out, "  %-9s %s\n", verbs[i].name, verbs[i].help);
	fprintf(out, "\nEach has its own --help.\n");
}

int cmd_measure(int argc, char **argv)
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
