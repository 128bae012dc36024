/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/collateral.h"
#include "cli/judged.h"
#include "cli/options_run.h"
#include "record/bundle.h"
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
	        .about = "Judges a run's evidence again and rewrites result.json in its "
	                 "folder. Of a bundle it is checked first that each file is as it was "
	                 "packed; nothing is written.",
	        OPTION_OPERAND(dir, "RUN", "the folder of a run is missing"),
	        .rows = rows,
	};
	struct options o = {0};
	struct err e;
	int r;

	options_parse(&options, argc, argv, &o);
	if (o.collateral && bundle_is(o.dir)) {
		err_set(&e, -EINVAL,
		        "%s: --collateral is kept in a run's folder, and this is a bundle: unpack "
		        "it by tar, or bundle the run anew",
		        o.dir);
		return cmd_failed(EXIT_USAGE, &e);
	}
	if (o.collateral && collateral_keep(o.collateral, o.dir, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	r = judged_conclude(o.dir, o.format, true, &e);
	return r < 0 ? cmd_failed(EXIT_BROKEN, &e) : r;
}
