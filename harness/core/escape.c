/* SPDX-License-Identifier: Apache-2.0 */
#include "core/escape.h"

#include <stdio.h>
#include <string.h>

char *text_escape(char *out, size_t size, const char *in)
{
	size_t used = 0, safe = 0; /* `safe`: the last place where "..." still fits */

	for (; in && *in; in++) {
		unsigned char c = (unsigned char)*in;
		char piece[5];
		size_t n;

		if (c == '\\')
			n = (size_t)snprintf(piece, sizeof(piece), "\\\\");
		else if (c >= 0x20 && c < 0x7f)
			n = (size_t)snprintf(piece, sizeof(piece), "%c", c);
		else
			n = (size_t)snprintf(piece, sizeof(piece), "\\x%02x", c);
		if (used + n >= size) {
			snprintf(out + safe, size - safe, "...");
			return out;
		}
		memcpy(out + used, piece, n);
		used += n;
		if (used + 4 <= size)
			safe = used;
	}
	out[used] = '\0';
	return out;
}
