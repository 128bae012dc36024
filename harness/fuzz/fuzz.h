/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What every fuzzer has: the function that libFuzzer calls with each input, and how it says what
 * must hold of it. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)     \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

/* A text that ends within `room` bytes and is printable ASCII. */
static inline void fuzz_printable(const char *text, size_t room)
{
	FUZZ_CHECK(strnlen(text, room) < room);
	for (; *text; text++)
		FUZZ_CHECK(*text >= ' ' && *text <= '~');
}
