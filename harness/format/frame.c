/* SPDX-License-Identifier: Apache-2.0 */
#include "format/frame.h"

#include <string.h>

#include "format/bytes.h"
#include "format/reader.h"
#include "format/sha2.h"

static const char *const type_names[] = {
        [FRAME_VISIT] = "VISIT", [FRAME_BYE] = "BYE",       [FRAME_READY] = "READY",
        [FRAME_HELLO] = "HELLO", [FRAME_FACT] = "FACT",     [FRAME_DMESG] = "DMESG",
        [FRAME_BLOB] = "BLOB",   [FRAME_REPORT] = "REPORT", [FRAME_ENTER] = "ENTER",
        [FRAME_RELAY] = "RELAY", [FRAME_STDERR] = "STDERR", [FRAME_LEFT] = "LEFT",
        [FRAME_DONE] = "DONE",   [FRAME_EXTEND] = "EXTEND", [FRAME_TIME] = "TIME",
        [FRAME_CLOCK] = "CLOCK", [FRAME_TD] = "TD",         [FRAME_SERVING] = "SERVING",
        [FRAME_SECRET] = "SECRET", [FRAME_ASK] = "ASK",   [FRAME_PROOF] = "PROOF",
        [FRAME_KEY] = "KEY",     [FRAME_KEYED] = "KEYED",
};

const char *frame_type_name(uint16_t type)
{
	if (type >= COUNT_OF(type_names) || !type_names[type])
		return "?";
	return type_names[type];
}

enum format_code frame_header_parse(const uint8_t *data, size_t size, struct frame_header *ret,
                                    uint64_t *ret_offset)
{
	struct frame_header h;
	enum format_code code;
	struct reader r = reader_of(data, size);

	if (reader_u32(&r) != FRAME_MAGIC)
		reader_fail(&r, FORMAT_BAD_MAGIC, 0);
	h.type = reader_u16(&r);
	h.flags = reader_u16(&r);
	if (h.flags != 0)
		reader_fail(&r, FORMAT_BAD_VALUE, 6);
	h.sequence = reader_u32(&r);
	h.length = reader_u32(&r);
	if (h.length > FRAME_PAYLOAD_MAX)
		reader_fail(&r, FORMAT_BAD_SIZE, 12);
	code = reader_result(&r, ret_offset);
	if (code == FORMAT_OK)
		*ret = h;
	return code;
}

void frame_header_write(const struct frame_header *h, uint8_t out[FRAME_HEADER_SIZE])
{
	const uint32_t magic = FRAME_MAGIC;

	memcpy(out, &magic, 4);
	memcpy(out + 4, &h->type, 2);
	memcpy(out + 6, &h->flags, 2);
	memcpy(out + 8, &h->sequence, 4);
	memcpy(out + 12, &h->length, 4);
}

void report_data_make(const uint8_t nonce[REPORT_NONCE_SIZE], const char *layer_id,
                      enum report_interface interface, const uint8_t evidence[48],
                      uint8_t report_data[64])
{
	static const char domain[] = "tception-reportdata-v1"; /* hashed with its NUL */
	const uint8_t which = (uint8_t)interface;
	uint8_t id_length[2];
	struct sha512 h;
	size_t length = 0;

	while (length < UINT16_MAX && layer_id[length])
		length++;
	id_length[0] = (uint8_t)length;
	id_length[1] = (uint8_t)(length >> 8);

	sha512_init(&h);
	sha512_update(&h, domain, sizeof(domain));
	sha512_update(&h, nonce, REPORT_NONCE_SIZE);
	sha512_update(&h, id_length, sizeof(id_length));
	sha512_update(&h, layer_id, length);
	sha512_update(&h, &which, sizeof(which));
	sha512_update(&h, evidence, 48);
	sha512_final(&h, report_data);
}
