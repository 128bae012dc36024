/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <string.h>

/* The words of a command line, in memory that the next call takes again. */
static inline char *const *words(const char *line)
{
	static char text[4096], *word[256];
	char *rest = strcpy(text, line);
	size_t n = 0;

	while (rest)
		word[n++] = strsep(&rest, " ");
	word[n] = NULL;
	return word;
}
