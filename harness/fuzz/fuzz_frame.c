/* SPDX-License-Identifier: Apache-2.0 */
/* Frame headers, base64 and hexadecimal: what is accepted is written again as it was read. A payload's JSON
 * with its data beside it is the same as in one. */
#include <strings.h>

#include "format/frame.h"
#include "format/text.h"
#include "fuzz/fuzz.h"
#include "judge/frames.h"

static void text_round_trip(const char *text, size_t length)
{
	uint8_t *bytes = malloc(BASE64_DECODED_MAX(length));
	char *again = malloc(BASE64_ENCODED_SIZE(length) + HEX_ENCODED_SIZE(length));
	size_t size;

	FUZZ_CHECK(bytes && again);
	if (base64_decode(text, length, bytes, &size) == FORMAT_OK) {
		base64_encode(bytes, size, again);
		FUZZ_CHECK(strlen(again) == length && memcmp(again, text, length) == 0);
	}
	if (hex_decode(text, length, bytes, &size) == FORMAT_OK) {
		hex_encode(bytes, size, again);
		FUZZ_CHECK(strlen(again) == length && strncasecmp(again, text, length) == 0);
	}
	free(bytes);
	free(again);
}

static void payload(const uint8_t *data, size_t size)
{
	struct frame_view f = {.header.length = (uint32_t)size, .payload = data};
	struct frame_data left;
	json_t *whole = frame_json(&f), *rest = frame_json_but_data(&f, &left);

	FUZZ_CHECK(!whole == !rest);
	if (left.text)
		json_object_set_new(rest, "data", json_stringn(left.text, left.size));
	FUZZ_CHECK(!whole || json_equal(whole, rest));
	json_decref(whole);
	json_decref(rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[FRAME_HEADER_SIZE];
	struct frame_header h;

	if (frame_header_parse(data, size, &h, NULL) == FORMAT_OK) {
		frame_header_write(&h, again);
		FUZZ_CHECK(memcmp(again, data, sizeof(again)) == 0 && frame_type_name(h.type));
	}
	text_round_trip((const char *)data, size);
	payload(data, size);
	return 0;
}
