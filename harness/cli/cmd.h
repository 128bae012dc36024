/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/err.h"

/*
 * The verbs, one <verb>.c each. argv[0] is the verb as help and complaints show it. Exit codes: 0
 * all as expected, 1 a verdict differs, 2 usage or a bad case file, 3 infrastructure.
 */
enum { EXIT_OK = 0, EXIT_DIFFERS = 1, EXIT_USAGE = 2, EXIT_BROKEN = 3 };

/* One of several: of `tception` itself, or what comes after a verb that is several. */
struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* one line */
};
/* Runs the one that is named first in argv. `about` says what they are, for --help, and behind a \v, in
 * place of what is common, how they end. */
int cmd_dispatch(const struct verb verbs[], size_t count, const char *about, int argc, char **argv);

/* The case file of who names none: cases/default.yaml, else the installed one. Static. */
const char *cmd_default_cases(void);

/* Says on standard error what went wrong; returns the exit code. */
int cmd_failed(int exit_code, const struct err *e);

int cmd_agent_kit(int argc, char **argv);
int cmd_bundle(int argc, char **argv);
int cmd_cloud(int argc, char **argv);
int cmd_collateral(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_conformance(int argc, char **argv);
int cmd_extract(int argc, char **argv);
int cmd_eventlog(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_grants(int argc, char **argv);
int cmd_judge(int argc, char **argv);
int cmd_history(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_measure(int argc, char **argv);
int cmd_quote(int argc, char **argv);
int cmd_pccs(int argc, char **argv);
int cmd_qgs(int argc, char **argv);
int cmd_shell(int argc, char **argv);
int cmd_td(int argc, char **argv);
