/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <time.h>

#include "core/err.h"
#include "format/quote.h"
#include "trust/pck.h"

/*
 * What the PCK certificate inside a quote, or its whole chain, says, for people to read. Nothing is
 * verified here: trust_check_quote() does that.
 */
#define PLATFORM_CERTS 3 /* leaf, CA, root */

struct platform_cert { /* texts are printable ASCII: other characters are escaped */
	char subject[256];
	char issuer[256];
	char serial[48]; /* hexadecimal */
	time_t not_before, not_after;
};

struct platform {
	struct platform_cert cert[PLATFORM_CERTS];
	size_t certs;   /* all of them, or the leaf alone */
	struct pck pck; /* of the leaf */
};

/* -EBADMSG when the quote carries no PCK certificate (another type than 4 and 5) or a malformed
 * one. */
int platform_read(const struct quote *quote, struct platform *ret, struct err *e);
