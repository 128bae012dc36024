/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/judged.h"
#include "cli/options_run.h"
#include "report/report.h"

struct options {
	const char *dir;
	enum report_format format;
};

int cmd_report(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_FORMAT,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Prints a run, judged from its evidence. Nothing is written.",
	        OPTION_OPERAND(dir, "RUN", "the folder of a run is missing"),
	        .rows = rows,
	};
	struct options o = {0};
	struct err e;

	options_parse(&options, argc, argv, &o);
	return judged_show(o.dir, o.format, &e) < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_OK;
}
