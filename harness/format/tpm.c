/* SPDX-License-Identifier: Apache-2.0 */
#include "format/tpm.h"

#include <string.h>

#include "format/eventlog.h"
#include "format/reader.h"
#include "format/sha2.h"

#define GENERATED    0xff544347u /* TPM_GENERATED_VALUE */
#define ATTEST_QUOTE 0x8018
#define ALG_SHA256   0x000b
#define NONCE_MAX    64

static void expect(struct reader *r, uint64_t value, uint64_t wanted, enum format_code code,
                   size_t size)
{
	if (value != wanted)
		reader_fail(r, code, reader_offset(r) - size);
}

/* TPML_PCR_SELECTION of one bank: its PCRs as a set. */
static uint32_t read_selection(struct reader *r)
{
	uint32_t set = 0, bytes;

	expect(r, reader_u32be(r), 1, FORMAT_BAD_COUNT, 4);
	expect(r, reader_u16be(r), ALG_SHA256, FORMAT_BAD_ALGORITHM, 2);
	bytes = reader_u8(r);
	if (bytes > TPM_PCRS / 8)
		reader_fail(r, FORMAT_BAD_SIZE, reader_offset(r) - 1);
	for (uint32_t i = 0; i < bytes && reader_ok(r); i++)
		set |= (uint32_t)reader_u8(r) << 8 * i;
	return set;
}

enum format_code tpm_quote_parse(const void *data, size_t size, struct tpm_quote *ret,
                                 uint64_t *ret_offset)
{
	struct tpm_quote q = {0};
	enum format_code code;
	struct reader r = reader_of(data, size);

	expect(&r, reader_u32be(&r), GENERATED, FORMAT_BAD_MAGIC, 4);
	expect(&r, reader_u16be(&r), ATTEST_QUOTE, FORMAT_BAD_TYPE, 2);
	reader_skip(&r, reader_u16be(&r)); /* the name of the key that signs */
	q.extra_size = reader_u16be(&r);
	if (q.extra_size > NONCE_MAX)
		reader_fail(&r, FORMAT_BAD_SIZE, reader_offset(&r) - 2);
	q.extra = reader_bytes(&r, q.extra_size);
	reader_skip(&r, 17 + 8); /* TPMS_CLOCK_INFO, firmware version */
	q.pcrs = read_selection(&r);
	expect(&r, reader_u16be(&r), sizeof(q.digest), FORMAT_BAD_SIZE, 2);
	reader_copy(&r, q.digest, sizeof(q.digest));
	code = reader_end(&r, ret_offset);
	if (code == FORMAT_OK)
		*ret = q;
	return code;
}

static void extend(uint8_t pcr[32], const uint8_t digest[32])
{
	struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, pcr, 32);
	sha256_update(&h, digest, 32);
	sha256_final(&h, pcr);
}

/* Sets where PCR 0 begins when firmware started the TPM at another locality than 0. */
static void start_locality(const struct event *ev, uint8_t pcr0[32])
{
	static const char text[16] = "StartupLocality";

	if (ev->type == EV_NO_ACTION && ev->size == sizeof(text) + 1 &&
	    memcmp(ev->data, text, sizeof(text)) == 0)
		pcr0[31] = ev->data[sizeof(text)];
}

enum format_code tpm_log_replay(const void *data, size_t size, uint8_t ret_pcr[TPM_PCRS][32],
                                uint32_t *ret_touched, size_t *ret_events, uint64_t *ret_offset)
{
	uint8_t pcr[TPM_PCRS][32] = {{0}};
	struct eventlog log;
	struct event ev;
	enum format_code code = eventlog_open_bank(data, size, ALG_SHA256, &log, ret_offset);
	uint32_t touched = 0;
	size_t events = 0;
	int more;

	if (code != FORMAT_OK)
		return code;
	for (int i = 17; i < 23; i++) /* those of a dynamic launch, which nobody made */
		memset(pcr[i], 0xff, sizeof(pcr[i]));
	while ((more = eventlog_next(&log, &ev, &code, ret_offset)) > 0) {
		events++;
		start_locality(&ev, pcr[0]);
		if (ev.type == EV_NO_ACTION || ev.index >= TPM_PCRS)
			continue;
		extend(pcr[ev.index], ev.digest);
		touched |= 1u << ev.index;
	}
	if (more < 0)
		return code;
	memcpy(ret_pcr, pcr, sizeof(pcr));
	*ret_touched = touched;
	*ret_events = events;
	return FORMAT_OK;
}
