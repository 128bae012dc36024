/* SPDX-License-Identifier: Apache-2.0 */
/* A conformance report from anywhere: weighed, read, and held against itself. Seeds: cases/golden/conformance */
#include "fuzz/fuzz.h"
#include "judge/weigh.h"
#include "report/conformance.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_auto_t *report = json_loadb((const char *)data, size, 0, NULL);
	json_auto_t *rows = json_object(), *fact = NULL, *pairs = NULL;
	struct rung_result weighed;
	struct err e;

	if (!report)
		return 0;
	fact = json_pack("{s:O}", "report", report);
	conforms_weigh(fact, NULL, &weighed);
	if (conformance_read(report, rows, &e) < 0)
		return 0;
	pairs = conformance_compare(rows, rows);
	FUZZ_CHECK(json_array_size(pairs) == json_object_size(rows));
	for (size_t i = 0; i < json_array_size(pairs); i++) /* a report is the same as itself */
		FUZZ_CHECK(!json_is_false(json_object_get(json_array_get(pairs, i), "same")));
	return 0;
}
