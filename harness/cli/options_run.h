/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/options.h"
#include "report/report.h"

/* What the verbs about runs share of the command line. */

int options_take_format(void *report_format, const char *value, struct err *e);
int options_take_json(void *report_format, const char *value, struct err *e);
#define OPTION_FORMAT                                                                 \
	OPTION_CALL(format, options_take_format, "format", "FORMAT",                  \
	            "table (default), json, markdown (or md); of one run also junit, html, ktap, sarif", \
	            .letter = 'f'),                                                   \
	        OPTION_CALL(format, options_take_json, "json", NULL, "the same as --format json")

/* Kept with the run. */
#define OPTION_KEPT_COLLATERAL                                                                  \
	OPTION_TEXT(collateral, "collateral", "DIR|FILE",                                       \
	            "judge the TCB of the run's platforms by this collateral too, and keep it " \
	            "with the run")

/* An enum platform; PLATFORM_NONE: auto. */
extern const char *const options_platforms[3];
#define OPTION_PLATFORM                                           \
	OPTION_CHOICE(                                            \
	        platform, "platform", "WHICH", options_platforms, \
	        "who makes trust domains: hardware, emulated, or auto (hardware where it works)")
