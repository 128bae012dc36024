/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The raw bytes of a member, as signatures cover them: they lie in the text, and are what a JSON
 * parser finds there under that key.
 * Seeds: cases/golden/pieces/served
 */
#include "core/json.h"
#include "fuzz/golden.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = {"tcbInfo", "enclaveIdentity"};
	const char *text = (const char *)data, *raw;
	size_t raw_size = 0;

	if (size > 16384)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		json_t *whole, *part;

		if (!(raw = jsonx_raw(text, size, keys[i], &raw_size)))
			continue;
		FUZZ_CHECK(raw > text && raw_size < size && raw + raw_size < text + size);
		whole = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
		part = json_loadb(raw, raw_size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
		FUZZ_CHECK(part);
		FUZZ_CHECK(!whole || json_equal(json_object_get(whole, keys[i]), part));
		json_decref(whole);
		json_decref(part);
	}
	return 0;
}
