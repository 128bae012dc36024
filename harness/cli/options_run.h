/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_CLI_OPTIONS_RUN_H
#define TCEPTION_CLI_OPTIONS_RUN_H

#include "cli/options.h"
#include "report/report.h"

/* What the verbs about runs share of the command line. */

struct format_option {
	unsigned made; /* bits of enum report_format: those that the verb can make */
	enum report_format format;
};
#define FORMATS_ALL ((1u << COUNT_OF(report_format_names)) - 1)

extern const struct argp options_format;     /* [struct format_option]: --format, --json */
extern const struct argp options_collateral; /* [const char *]: --collateral, kept with the run */
extern const struct argp options_platform;   /* [int]: --platform; enum platform, -1: auto */

#endif
