/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TD reports: made whole (both hashes right, as the fuzzer won't find SHA-384 values), any content
 * is accepted unless the three type bytes forbid it, and comes back unchanged.
 */
#include "format/quote.h"
#include "format/tdreport.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[32] = "a key", user_data[20];
	struct tdreport made = {0}, parsed;
	uint8_t body[702];
	enum format_code code;

	tdreport_parse(data, size, &parsed, NULL);
	memcpy(&made, data, size < sizeof(made) ? size : sizeof(made));
	tdreport_seal(&made, key, sizeof(key));
	code = tdreport_parse(&made, sizeof(made), &parsed, NULL);
	FUZZ_CHECK((code == FORMAT_OK) ==
	           (made.mac.type == 0x81 && made.mac.subtype == 0 && made.mac.version <= 1));
	if (code != FORMAT_OK)
		return 0;
	FUZZ_CHECK(memcmp(&made, &parsed, sizeof(made)) == 0);
	FUZZ_CHECK(tdreport_mac_ok(&made, key, sizeof(key)));
	FUZZ_CHECK(quote_body_from_report(&made, 4, user_data, body, sizeof(body)) == 632);
	FUZZ_CHECK(memcmp(body + 184, made.td.mrtd, 48) == 0);
	FUZZ_CHECK(quote_body_from_report(&made, 5, user_data, body, sizeof(body)) == 702);
	return 0;
}
