/* SPDX-License-Identifier: Apache-2.0 */
/* Quote service messages, both directions; an accepted answer is written again as it was read. */
#include "format/qgs.h"
#include "fuzz/fuzz.h"

static void request(const uint8_t *data, size_t size)
{
	uint8_t again[QGS_QUOTE_REQUEST_SIZE];
	const uint8_t *report;

	if (qgs_request_parse(data, size, &report, NULL) != FORMAT_OK)
		return;
	qgs_request_write(report, again);
	FUZZ_CHECK(report + TDREPORT_SIZE <= data + size);
	FUZZ_CHECK(memcmp(again + QGS_HEADER_SIZE + 8, report, TDREPORT_SIZE) == 0);
}

static void response(const uint8_t *data, size_t size)
{
	const uint8_t *quote;
	uint8_t *again;
	uint32_t error;
	size_t quote_size, need;

	if (qgs_response_parse(data, size, &error, &quote, &quote_size, NULL) != FORMAT_OK)
		return;
	FUZZ_CHECK(!quote || quote + quote_size == data + size);
	need = qgs_response_write(error, quote, quote_size, NULL, 0);
	again = malloc(need);
	FUZZ_CHECK(again && need <= size);
	FUZZ_CHECK(qgs_response_write(error, quote, quote_size, again, need) == need);
	FUZZ_CHECK(!quote || memcmp(again + need - quote_size, quote, quote_size) == 0);
	free(again);
}

/* What is read of the other requests lies within them. */
static void others(const uint8_t *data, size_t size)
{
	struct qgs_collateral_request q;

	if (qgs_collateral_request_parse(data, size, &q, NULL) == FORMAT_OK)
		FUZZ_CHECK(q.fmspc.data >= data && q.ca.data == q.fmspc.data + q.fmspc.size &&
		           q.ca.data + q.ca.size == data + size &&
		           qgs_type_of(data, size) == QGS_GET_COLLATERAL_REQUEST);
	if (qgs_platform_request_parse(data, size, NULL) == FORMAT_OK)
		FUZZ_CHECK(size == QGS_HEADER_SIZE &&
		           qgs_type_of(data, size) == QGS_GET_PLATFORM_INFO_REQUEST);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	others(data, size);
	request(data, size);
	response(data, size);
	return 0;
}
