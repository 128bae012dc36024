/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "format/quote.h"
#include "format/tdreport.h"
#include "format/tdx.h"

/* What identifies a TD; both kinds of evidence have it. */
struct identity {
	const uint8_t *mrtd, *mrconfigid, *mrowner, *mrownerconfig, *mrseam, *mrsignerseam, *svn;
	const uint8_t (*rtmr)[TDX_DIGEST_SIZE];
	uint64_t attributes, xfam;
};

/* Views into the quote or report. */
struct identity identity_of_quote(const struct quote *q);
struct identity identity_of_report(const struct tdreport *r);

/* The name of the first register that differs, or NULL. Only the first `rtmrs` RTMRs
 * are compared. */
const char *identity_differs(const struct identity *a, const struct identity *b, size_t rtmrs);
