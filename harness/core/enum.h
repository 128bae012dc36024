/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <string.h>

#include "format/bytes.h"

/*
 * One table per enum, used both ways. `names` is indexed by the enumerators; a hole is NULL.
 * enum_find returns the value or -1.
 */
#define ENUM_NAME(names, value) \
	((size_t)(value) < COUNT_OF(names) && (names)[value] ? (names)[value] : "?")

static inline int enum_find(const char *const names[], size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (names[i] && strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -1;
}
#define ENUM_FIND(names, name) enum_find(names, COUNT_OF(names), name)
