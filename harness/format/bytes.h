/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* `size` bytes at `data`. Who owns them is said where one is handed on; as a rule a view into the
 * parsed input, or a heap copy that bytes_free() (core/file.h) ends. */
struct bytes {
	const uint8_t *data;
	size_t size;
};

/* How many elements an array has. */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
