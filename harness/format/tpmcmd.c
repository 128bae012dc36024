/* SPDX-License-Identifier: Apache-2.0 */
#include "format/tpmcmd.h"

#include <string.h>

#include "format/reader.h"

#define NO_SESSIONS    0x8001
#define SESSIONS       0x8002
#define NV_READ        0x14e
#define QUOTE          0x158
#define NV_READ_PUBLIC 0x169
#define PCR_READ       0x17e
#define RH_OWNER       0x40000001u
#define RS_PW          0x40000009u
#define ALG_SHA256     0x000b
#define ALG_RSASSA     0x0014

/* ---- commands ---- */

static void put(struct tpm_command *c, uint32_t value, size_t size)
{
	for (size_t i = size; i-- > 0;)
		c->bytes[c->size++] = (uint8_t)(value >> 8 * i);
}

static void begin(struct tpm_command *c, uint16_t tag, uint32_t code)
{
	c->size = 0;
	put(c, tag, 2);
	put(c, 0, 4);
	put(c, code, 4);
}

static void end(struct tpm_command *c)
{
	const size_t size = c->size;

	c->size = 2;
	put(c, (uint32_t)size, 4);
	c->size = size;
}

static void put_password(struct tpm_command *c)
{
	put(c, 9, 4); /* of what follows */
	put(c, RS_PW, 4);
	put(c, 0, 2); /* no nonce, no attributes, no password */
	put(c, 0, 1);
	put(c, 0, 2);
}

static void put_selection(struct tpm_command *c, uint32_t set)
{
	put(c, 1, 4);
	put(c, ALG_SHA256, 2);
	put(c, 3, 1);
	for (int i = 0; i < 3; i++)
		put(c, set >> 8 * i & 0xff, 1);
}

void tpm_nv_public(uint32_t index, struct tpm_command *ret)
{
	begin(ret, NO_SESSIONS, NV_READ_PUBLIC);
	put(ret, index, 4);
	end(ret);
}

void tpm_nv_read(uint32_t index, bool owner, uint16_t offset, uint16_t size, struct tpm_command *ret)
{
	begin(ret, SESSIONS, NV_READ);
	put(ret, owner ? RH_OWNER : index, 4);
	put(ret, index, 4);
	put_password(ret);
	put(ret, size, 2);
	put(ret, offset, 2);
	end(ret);
}

void tpm_quote_ask(uint32_t key, const uint8_t *nonce, size_t size, struct tpm_command *ret)
{
	begin(ret, SESSIONS, QUOTE);
	put(ret, key, 4);
	put_password(ret);
	if (size > 64)
		size = 64;
	put(ret, (uint32_t)size, 2);
	memcpy(ret->bytes + ret->size, nonce, size);
	ret->size += size;
	put(ret, ALG_RSASSA, 2);
	put(ret, ALG_SHA256, 2);
	put_selection(ret, 0xffffff);
	end(ret);
}

void tpm_pcr_read(unsigned first, struct tpm_command *ret)
{
	begin(ret, NO_SESSIONS, PCR_READ);
	put_selection(ret, 0xffu << first & 0xffffff);
	end(ret);
}

/* ---- responses ---- */

static struct reader open_response(const void *data, size_t size, uint32_t *ret_rc)
{
	struct reader r = reader_of(data, size);
	const uint16_t tag = reader_u16be(&r);
	const uint32_t length = reader_u32be(&r);

	*ret_rc = reader_u32be(&r);
	if (reader_ok(&r) && length != size)
		reader_fail(&r, FORMAT_BAD_SIZE, 2);
	if (*ret_rc == 0 && tag == SESSIONS) {
		const uint32_t parameters = reader_u32be(&r);

		r = reader_sub(&r, parameters); /* the session's part behind them says nothing */
	}
	return r;
}

static const uint8_t *sized(struct reader *r, size_t *ret_size)
{
	*ret_size = reader_u16be(r);
	return reader_bytes(r, *ret_size);
}

enum format_code tpm_nv_public_parse(const void *data, size_t size, uint32_t *ret_rc,
                                     struct tpm_nv *ret)
{
	struct reader r = open_response(data, size, ret_rc);
	struct tpm_nv nv = {0};
	size_t policy;

	if (*ret_rc == 0) {
		reader_skip(&r, 2 + 4 + 2); /* size, index, the name's algorithm */
		nv.attributes = reader_u32be(&r);
		sized(&r, &policy);
		nv.size = reader_u16be(&r);
	}
	if (reader_ok(&r))
		*ret = nv;
	return reader_result(&r, NULL);
}

enum format_code tpm_nv_read_parse(const void *data, size_t size, uint32_t *ret_rc,
                                   const uint8_t **ret, size_t *ret_size)
{
	struct reader r = open_response(data, size, ret_rc);

	if (*ret_rc == 0)
		*ret = sized(&r, ret_size);
	return reader_result(&r, NULL);
}

enum format_code tpm_quote_answer(const void *data, size_t size, uint32_t *ret_rc,
                                  const uint8_t **ret_message, size_t *ret_message_size,
                                  const uint8_t **ret_signature, size_t *ret_signature_size)
{
	struct reader r = open_response(data, size, ret_rc);

	if (*ret_rc != 0)
		return reader_result(&r, NULL);
	*ret_message = sized(&r, ret_message_size);
	if (reader_u16be(&r) != ALG_RSASSA || reader_u16be(&r) != ALG_SHA256)
		reader_fail(&r, FORMAT_BAD_ALGORITHM, reader_offset(&r) - 2);
	*ret_signature = sized(&r, ret_signature_size);
	return reader_result(&r, NULL);
}

enum format_code tpm_pcr_parse(const void *data, size_t size, uint32_t *ret_rc,
                               uint8_t ret[TPM_PCRS_ASKED][32])
{
	struct reader r = open_response(data, size, ret_rc);
	size_t length;

	if (*ret_rc != 0)
		return reader_result(&r, NULL);
	reader_skip(&r, 4 + 4 + 2 + 1 + 3); /* the counter, and the selection as we made it */
	if (reader_u32be(&r) != TPM_PCRS_ASKED)
		reader_fail(&r, FORMAT_BAD_COUNT, reader_offset(&r) - 4);
	for (size_t i = 0; i < TPM_PCRS_ASKED; i++) {
		const uint8_t *digest = sized(&r, &length);

		if (reader_ok(&r) && length != 32)
			reader_fail(&r, FORMAT_BAD_SIZE, reader_offset(&r) - length - 2);
		if (reader_ok(&r))
			memcpy(ret[i], digest, 32);
	}
	return reader_result(&r, NULL);
}
