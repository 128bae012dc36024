/* SPDX-License-Identifier: Apache-2.0 */
/* The frame scanner finds the same boundaries however a guest's bytes are cut. */
#include "fuzz/fuzz.h"
#include "run/channel.h"

struct outcome {
	enum scan_result result;
	uint64_t position;
};

/* The first byte of the input says how long the pieces are; 0: all at once. */
static struct outcome scan(const uint8_t *data, size_t size, size_t piece)
{
	struct frame_scanner s = {0};
	struct outcome o = {SCAN_MORE, 0};

	for (size_t at = 0; at < size && o.result == SCAN_MORE;) {
		size_t n = piece && piece < size - at ? piece : size - at, used;

		o.result = frame_scan(&s, data + at, n, &used);
		FUZZ_CHECK(used <= n && (o.result != SCAN_MORE || used == n));
		at += used;
	}
	o.position = s.position;
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, cut;

	if (size < 1)
		return 0;
	whole = scan(data + 1, size - 1, 0);
	cut = scan(data + 1, size - 1, data[0]);
	FUZZ_CHECK(whole.result == cut.result && whole.position == cut.position);
	return 0;
}
