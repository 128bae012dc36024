/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event logs of either kind as lists: every line is printable ASCII, the registers are those of the
 * digests, and a comparison with any of them finds a match or a reason.
 * Seeds: cases/golden/eventlog cases/golden/eventlog-forms
 */
#include <stdlib.h>
#include <string.h>

#include "measure/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *text)
{
	if (strlen(text) >= DESCRIBE_MAX)
		abort();
	for (; *text; text++) {
		if (*text < 0x20 || *text > 0x7e)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t rtmr[4][48] = {0};
	struct log_compare c;
	struct log l;

	if (log_read((struct bytes){data, size}, &l, NULL, NULL) < 0)
		return 0;
	for (size_t i = 0; i < l.events; i++) {
		check_line(l.event[i].what);
		if (l.event[i].rtmr >= 0)
			rtmr_extend(rtmr[l.event[i].rtmr], l.event[i].digest);
	}
	if (memcmp(rtmr, l.rtmr, sizeof(rtmr)) != 0)
		abort();
	for (unsigned i = 0; i < 4; i++) {
		log_compare(&l, i, rtmr[i], &c);
		if (c.match != LOG_MATCHES)
			abort();
		if (size > 5000)
			continue; /* quadratic: one long log takes seconds here */
		rtmr[i][0] ^= 1;
		log_compare(&l, i, rtmr[i], &c);
		if (c.match == LOG_MATCHES || !c.text[0])
			abort();
	}
	log_done(&l);
	return 0;
}
