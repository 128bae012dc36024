/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event logs: records follow one another without a gap, and the registers are those that the
 * records give one by one.
 */
#include "format/eventlog.h"
#include "fuzz/fuzz.h"

static void walk(const uint8_t *data, size_t size, const uint8_t expected[4][48], size_t records)
{
	uint8_t rtmr[4][48] = {0};
	enum format_code code;
	struct eventlog log;
	struct event ev;
	uint64_t end = 0;

	FUZZ_CHECK(eventlog_open(data, size, &log, NULL) == FORMAT_OK);
	for (; eventlog_next(&log, &ev, &code, NULL) > 0; records--) {
		FUZZ_CHECK(ev.offset == end && ev.data + ev.size <= data + size);
		end = (uint64_t)(ev.data - data) + ev.size;
		FUZZ_CHECK(!event_extends(&ev) || ev.has_digest);
		if (event_extends(&ev))
			rtmr_extend(rtmr[ev.index - 1], ev.digest);
	}
	FUZZ_CHECK(records == 0 && memcmp(rtmr, expected, sizeof(rtmr)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t at = UINT64_MAX;
	uint8_t rtmr[4][48];
	size_t records;
	struct ccel ccel;

	if (eventlog_replay(data, size, rtmr, &records, &at) == FORMAT_OK)
		walk(data, size, rtmr, records);
	else
		FUZZ_CHECK(at <= size);
	ccel_parse(data, size, &ccel, &at);
	return 0;
}
