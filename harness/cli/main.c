/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "format/bytes.h"

#define TCEPTION_VERSION "0.1"

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments;
	const char *help;
} verbs[] = {
        {"run", cmd_run, "[CASES] [OPTION...]", "boot the guests, collect evidence, judge it"},
        {"list", cmd_list, "[CASES] | --kinds", "a case file's cells; what cells are written with"},
        {"doctor", cmd_doctor, "", "what a run would use on this machine, and what is missing"},
        {"judge", cmd_judge, "DIR", "judge a run's evidence again, without booting anything"},
        {"report", cmd_report, "DIR --format FORMAT", "a judged run as a table, JSON, JUnit ..."},
        {"diff", cmd_diff, "DIR DIR", "what differs between two runs; exit 1 when anything does"},
        {"compare", cmd_compare, "DIR [DIR...]", "kinds of layers: attestation, isolation, cost"},
        {"grants", cmd_grants, "CELL", "the smallest grants with which a layer attests, by trials"},
        {"quote", cmd_quote, "parse|verify|fetch FILE", "what a quote says, and whether it holds"},
        {"eventlog", cmd_eventlog, "FILE", "what a boot measured, and whether a quote agrees"},
        {"measure", cmd_measure, "WHAT ...", "predict and explain MRTD and RTMRs from the inputs"},
        {"qgs", cmd_qgs, "--any-report|--key FILE", "serve emulated quotes on a unix socket"},
};

static void usage(FILE *out)
{
	fprintf(out,
	        "tception: which stacks of VMs, containers and nested VMs inside a TDX trust\n"
	        "domain still attest, what their quotes cover, and why the others fail.\n\n"
	        "usage: tception VERB [OPTION...] [ARGUMENT...]\n\n");
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		fprintf(out, "  %-9s %-24s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].help);
	fprintf(out,
	        "\nA verb's own options: tception VERB --help. Exit codes: 0 all as expected,\n"
	        "1 a verdict differs, 2 usage or a bad case file, 3 infrastructure.\n");
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "--help";
	char name[32];

	if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
		usage(argc > 1 ? stdout : stderr);
		return argc > 1 ? EXIT_OK : EXIT_USAGE;
	}
	if (strcmp(verb, "--version") == 0) {
		printf("tception %s\n", TCEPTION_VERSION);
		return EXIT_OK;
	}
	argp_err_exit_status = EXIT_USAGE;
	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		if (strcmp(verbs[i].name, verb) != 0)
			continue;
		snprintf(name, sizeof(name), "tception %s", verb);
		argv[1] = name; /* as --help and complaints show it */
		return verbs[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "tception: unknown verb '%.40s'; 'tception --help' lists them\n", verb);
	return EXIT_USAGE;
}
