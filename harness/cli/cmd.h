/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_CLI_CMD_H
#define TCEPTION_CLI_CMD_H

#include <stddef.h>

/*
 * The verbs, one cmd_<verb>.c each. argv[0] is the verb. Exit codes: 0 all as expected, 1 a verdict
 * differs, 2 usage or a bad case file, 3 infrastructure.
 */
enum { EXIT_OK = 0, EXIT_DIFFERS = 1, EXIT_USAGE = 2, EXIT_BROKEN = 3 };

/* What comes after a verb that is several: `tception quote parse`. */
struct subverb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};
/* Runs the one that argv[1] names; prints `usage` and the list when it names none. */
int cmd_dispatch(const struct subverb verbs[], size_t count, const char *usage, int argc,
                 char **argv);

int cmd_compare(int argc, char **argv);
int cmd_eventlog(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_grants(int argc, char **argv);
int cmd_judge(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_measure(int argc, char **argv);
int cmd_quote(int argc, char **argv);
int cmd_qgs(int argc, char **argv);

#endif
