/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/words.h"

#include <string.h>

void words_put(const char *word, FILE *out)
{
	static const char plain[] =
	        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	        "0123456789_-./+=:,@%";

	if (*word && word[strspn(word, plain)] == '\0') {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	}
	fputc('\'', out);
}

void words_put_line(char *const *words, FILE *out)
{
	for (char *const *word = words; *word; word++) {
		if (word != words)
			fputc(' ', out);
		words_put(*word, out);
	}
	fputc('\n', out);
}
