/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/collateral.h"
#include "cli/judged.h"
#include "cli/options_run.h"
#include "report/report.h"

struct options {
	const char *dir, *collateral;
	enum report_format format;
};

int cmd_judge(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_KEPT_COLLATERAL,
	        OPTION_FORMAT,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Judges the evidence in a run's folder again and rewrites result.json.",
	        OPTION_OPERAND(dir, "DIR", "the folder of a run is missing"),
	        .rows = rows,
	};
	struct options o = {0};
	struct err e;
	int r;

	options_parse(&options, argc, argv, &o);
	if (o.collateral && collateral_keep(o.collateral, o.dir, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	r = judged_conclude(o.dir, o.format, true, &e);
	return r < 0 ? cmd_failed(EXIT_BROKEN, &e) : r;
}
