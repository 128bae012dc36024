/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "format/text.h"
#include "machine.h"
#include "tiny.h"

#define ANSWER_MAX   (48u << 10)
#define NONCE_DIGITS (BASE64_ENCODED_SIZE(REPORT_NONCE_SIZE) - 1)

static char answer[ANSWER_MAX + 1];

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
	uint8_t bytes[BASE64_DECODED_MAX(NONCE_DIGITS)], so_far[48], data[64];
	size_t size;

	if (!line_present())
		return;
	if (strlen(nonce) != NONCE_DIGITS ||
	    base64_decode(nonce, NONCE_DIGITS, bytes, &size) != FORMAT_OK ||
	    size != REPORT_NONCE_SIZE)
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
