/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event logs of either kind as lists: every line is printable ASCII, the registers are those of the
 * digests, and a comparison with any of them finds a match or a reason.
 * Seeds: cases/golden/eventlog cases/golden/eventlog-forms
 */
#include "fuzz/fuzz.h"
#include "measure/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t rtmr[4][48] = {0};
	struct log_compare c;
	struct log l;

	if (log_read((struct bytes){data, size}, &l, NULL, NULL) < 0)
		return 0;
	for (size_t i = 0; i < l.events; i++) {
		fuzz_printable(l.event[i].what, DESCRIBE_MAX);
		if (l.event[i].rtmr >= 0)
			rtmr_extend(rtmr[l.event[i].rtmr], l.event[i].digest);
	}
	FUZZ_CHECK(memcmp(rtmr, l.rtmr, sizeof(rtmr)) == 0);
	for (unsigned i = 0; i < 4; i++) {
		log_compare(&l, i, rtmr[i], &c);
		FUZZ_CHECK(c.match == LOG_MATCHES);
		if (size > 5000)
			continue; /* quadratic: one long log takes seconds here */
		rtmr[i][0] ^= 1;
		log_compare(&l, i, rtmr[i], &c);
		FUZZ_CHECK(c.match != LOG_MATCHES && c.text[0]);
	}
	log_done(&l);
	return 0;
}
