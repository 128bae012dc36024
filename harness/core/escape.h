/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Copies foreign text so that it can be shown anywhere: printable ASCII stays, a backslash is
 * doubled, every other byte (control characters, all of UTF-8) becomes \xNN. Text that does not fit
 * ends in "...". `out` is always NUL-terminated; `in` may be NULL (empty). Returns `out`.
 */
char *text_escape(char *out, size_t size, const char *in);
