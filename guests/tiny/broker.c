/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "machine.h"
#include "tiny.h"

#define ANSWER_MAX (48u << 10)

static char answer[ANSWER_MAX + 1];

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* 32 bytes are 43 digits and a '='. */
static bool decode_nonce(const char *text, uint8_t ret[REPORT_NONCE_SIZE])
{
	uint32_t bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < 43; i++) {
		int digit = sextet(text[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4)
			ret[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	return n == REPORT_NONCE_SIZE;
}

/* A line; what is in it is the broker's matter, and it runs this guest anyway. */
static bool read_line(void)
{
	for (size_t i = 0; i < ANSWER_MAX; i++) {
		while (!(line_read(5) & 0x01))
			;
		answer[i] = (char)line_read(0);
		if (answer[i] == '\n') {
			answer[i] = 0;
			return i > 2 && answer[0] == '{' && answer[i - 1] == '}';
		}
		if (answer[i] < ' ' || answer[i] > '~')
			return false;
	}
	return false;
}

void broker_report(const char *layer, const char *nonce)
{
	uint8_t bytes[REPORT_NONCE_SIZE], so_far[48], data[64];

	if (!line_present())
		return;
	if (!decode_nonce(nonce, bytes))
		leave(EXIT_BAD, "tiny: VISIT's nonce is not 32 bytes of base64\n");
	evidence(so_far);
	report_data_make(bytes, layer, REPORT_BROKER, so_far, data);
	for (size_t i = 0; i < sizeof(data); i++) {
		while (!(line_read(5) & 0x20))
			;
		line_write(data[i]);
	}
	if (!read_line())
		leave(EXIT_BAD, "tiny: the broker's answer is no JSON object\n");
	put("{\"interface\":\"broker\",");
	put(answer + 1);
	send(FRAME_REPORT);
}
