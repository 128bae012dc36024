/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "core/err.h"
#include "format/code.h"

/* The quote or TDREPORT that something is held against, and how such verbs end. */

struct evidence_option {
	const char *quote, *tdreport; /* paths, at most one of them */
};
int evidence_take_quote(void *option, const char *value, struct err *e);
int evidence_take_tdreport(void *option, const char *value, struct err *e);
#define OPTION_EVIDENCE                                                           \
	OPTION_CALL(evidence, evidence_take_quote, "quote", "FILE",               \
	            "hold the registers against those of this quote"),            \
	        OPTION_CALL(evidence, evidence_take_tdreport, "tdreport", "FILE", \
	                    "or against those of this TDREPORT")

struct registers {
	const char *source; /* "quote", "TDREPORT"; NULL: there is neither, the rest is zero */
	uint8_t mrtd[48], rtmr[4][48];
};

/* -EBADMSG and *ret_fault for bytes that are no evidence of a TD; other errors of input.h. */
int evidence_read(const struct evidence_option *o, struct registers *ret,
                  struct format_fault *ret_fault, struct err *e);

/*
 * A verb that reads evidence: parses its options, calls `run` and returns the exit code: what `run`
 * returned unless it is an error, which is said: on standard error and, about bytes that are not
 * what they should be (-EBADMSG, with a fault), as JSON, too.
 */
typedef int (*evidence_run)(const void *options, struct format_fault *ret_fault, struct err *e);
int evidence_verb(const struct options_of *verb, int argc, char **argv, void *options,
                  const bool *json, evidence_run run);
