/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quotes: whatever is accepted has its parts in order, inside the input, and accounts for every
 * byte. Put together again from those parts it is the input.
 */
#include "format/quote.h"
#include "fuzz/fuzz.h"

static void append(uint8_t **out, const void *data, size_t size)
{
	memcpy(*out, data, size);
	*out += size;
}

static void append_le(uint8_t **out, uint64_t value, size_t size)
{
	append(out, &value, size);
}

static size_t rebuild(const struct quote *q, uint8_t *start)
{
	uint8_t *out = start;

	append(&out, q->signed_part.data, q->signed_part.size);
	append_le(&out, q->signature_data.size, 4);
	append(&out, q->signature, 64);
	append(&out, q->attest_key, 64);
	if (q->version > 3) {
		append_le(&out, q->outer_cert_type, 2);
		append_le(&out, 384 + 64 + 2 + q->qe_auth.size + 6 + q->cert_data.size, 4);
	}
	append(&out, q->qe_report_raw.data, q->qe_report_raw.size);
	append(&out, q->qe_signature, 64);
	append_le(&out, q->qe_auth.size, 2);
	append(&out, q->qe_auth.data, q->qe_auth.size);
	append_le(&out, q->cert_type, 2);
	append_le(&out, q->cert_data.size, 4);
	if (q->cert_type > QUOTE_CERT_PPID_RSA3072) {
		append(&out, q->cert_data.data, q->cert_data.size);
	} else {
		append(&out, q->pck_id.ppid.data, q->pck_id.ppid.size);
		append(&out, q->pck_id.cpusvn, sizeof(q->pck_id.cpusvn));
		append_le(&out, q->pck_id.pcesvn, 2);
		append(&out, q->pck_id.pceid, sizeof(q->pck_id.pceid));
	}
	return (size_t)(out - start);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t at = UINT64_MAX;
	struct quote q;
	uint8_t *again;
	size_t used;

	if (quote_parse(data, size, &q, &at) != FORMAT_OK) {
		FUZZ_CHECK(at <= size);
		return 0;
	}
	again = malloc(size);
	if (!again)
		return 0;
	used = rebuild(&q, again);
	FUZZ_CHECK(used + q.trailing == size && memcmp(again, data, used) == 0);
	free(again);
	return 0;
}
