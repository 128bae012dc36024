/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to fetching: what is accepted as the genuine platform's says so in its bytes, and lists
 * of evaluation numbers stay within bounds.
 * Seeds: cases/golden/pieces/served cases/golden/pieces/fetch
 */
#include <errno.h>

#include "fuzz/golden.h"
#include "run/fetch_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	uint32_t number[FETCH_NUMBERS_MAX];
	size_t count = 0;
	struct err e = {0};

	for (int i = 0; i < 8; i++) {
		struct fetch_wanted w = {.kind = i & 1 ? FETCH_IDENTITY : FETCH_TCB,
		                         .sgx = i & 2,
		                         .fmspc = {0x00, 0x80, 0x6f, 0x05},
		                         .evaluation = i & 4 ? 18 : 0};

		if (fetch_check(text, size, &w, &e) < 0)
			FUZZ_CHECK(e.code == -EBADMSG && e.text[0]);
		else
			FUZZ_CHECK(size > 20);
	}
	if (fetch_numbers(text, size, number, &count, &e) == 0) {
		FUZZ_CHECK(count > 0 && count <= FETCH_NUMBERS_MAX);
		for (size_t i = 0; i < count; i++)
			FUZZ_CHECK(number[i] > 0);
	}
	return 0;
}
