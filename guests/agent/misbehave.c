/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/misbehave.h"

#include <string.h>
#include <unistd.h>

#include "agent/util.h"

bool misbehave(const char *word)
{
	static const char garbage[] = "TCF2 this is no frame, whatever \xff\x00 it may look like";
	static char zeroes[64 << 10];

	if (strcmp(word, "hang") == 0) {
		for (;;)
			pause();
	}
	if (strcmp(word, "flood") == 0) {
		while (util_write_all(STDOUT_FILENO, zeroes, sizeof(zeroes)) == 0)
			;
		return true;
	}
	if (strcmp(word, "garbage") == 0)
		return util_write_all(STDOUT_FILENO, garbage, sizeof(garbage)) == 0;
	return false;
}
