/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_TRUST_PLATFORM_H
#define TCEPTION_TRUST_PLATFORM_H

#include <stdint.h>
#include <time.h>

#include "core/err.h"
#include "format/quote.h"

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
	size_t certs; /* all of them, or the leaf alone */
	/* the SGX extension of the leaf */
	uint8_t ppid[16];
	uint8_t cpusvn[16];
	uint8_t component[16]; /* SVNs of the TCB components */
	uint16_t pcesvn;
	uint8_t pceid[2];
	uint8_t fmspc[6];
};

/* -EBADMSG when the quote carries no PCK certificate (another type than 4 and 5) or a malformed
 * one. */
int platform_read(const struct quote *quote, struct platform *ret, struct err *e);

#endif
