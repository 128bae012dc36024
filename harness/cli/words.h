/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

/* One word of a command for somebody's shell: quoted where it has to be. */
void words_put(const char *word, FILE *out);
/* A NULL-terminated vector with blanks between, and a newline. */
void words_put_line(char *const *words, FILE *out);
