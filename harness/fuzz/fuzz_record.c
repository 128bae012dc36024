/* SPDX-License-Identifier: Apache-2.0 */
/* run.json from anywhere: refused, or a record that is written and read again unchanged. */
#include "fuzz/fuzz.h"
#include "record/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run_record a, b;
	char *first, *second;
	struct err e;

	if (record_from_json((const char *)data, size, &a, &e) < 0)
		return 0;
	FUZZ_CHECK(record_to_json(&a, &first, &e) == 0);
	FUZZ_CHECK(record_from_json(first, strlen(first), &b, &e) == 0);
	FUZZ_CHECK(record_to_json(&b, &second, &e) == 0 && strcmp(first, second) == 0);
	free(first);
	free(second);
	run_record_done(&a);
	run_record_done(&b);
	return 0;
}
