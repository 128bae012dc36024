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

static bool replays, foreign;

bool misbehave_quotes(const char *word)
{
	replays = strcmp(word, "replay") == 0;
	foreign = strcmp(word, "foreign") == 0;
	return replays || foreign;
}

const uint8_t *misbehave_nonce(const uint8_t nonce[32])
{
	static const uint8_t earlier[32];

	return replays ? earlier : nonce;
}

const char *misbehave_id(const char *id)
{
	return foreign ? "td/another" : id;
}
