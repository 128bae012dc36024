/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options_run.h"

#include <string.h>

const char *const options_platforms[3] = {
        [PLATFORM_NONE] = "auto",
        [PLATFORM_EMULATED] = "emulated",
        [PLATFORM_HARDWARE] = "hardware",
};

int options_take_format(void *report_format, const char *value, struct err *e)
{
	int n = options_choice("format", strcmp(value, "md") == 0 ? "markdown" : value,
	                       report_format_names, COUNT_OF(report_format_names), e);

	if (n < 0)
		return n;
	*(enum report_format *)report_format = (enum report_format)n;
	return 0;
}

int options_take_json(void *report_format, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	*(enum report_format *)report_format = REPORT_JSON;
	return 0;
}
