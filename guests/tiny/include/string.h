/* SPDX-License-Identifier: Apache-2.0 */
/* What harness/format wants of a C library where there is none. */
#pragma once

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
size_t strlen(const char *text);
