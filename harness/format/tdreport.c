/* SPDX-License-Identifier: Apache-2.0 */
#include "format/tdreport.h"

#include <string.h>

#include "format/reader.h"
#include "format/sha2.h"

#define TDREPORT_TYPE_TDX 0x81

/* A TDREPORT of a service TD (subtype) or a newer version has other fields: refused,
 * not guessed. */
static void check_type(struct reader *r, const struct report_mac *mac)
{
	if (mac->type != TDREPORT_TYPE_TDX)
		reader_fail(r, FORMAT_BAD_TYPE, offsetof(struct report_mac, type));
	if (mac->subtype != 0)
		reader_fail(r, FORMAT_BAD_TYPE, offsetof(struct report_mac, subtype));
	if (mac->version > 1)
		reader_fail(r, FORMAT_BAD_VERSION, offsetof(struct report_mac, version));
}

static void check_hash(struct reader *r, const void *data, size_t size, const uint8_t hash[48],
                       uint64_t at)
{
	uint8_t digest[SHA384_SIZE];

	if (!reader_ok(r))
		return;
	sha384(data, size, digest);
	if (memcmp(digest, hash, sizeof(digest)) != 0)
		reader_fail(r, FORMAT_BAD_VALUE, at);
}

enum format_code tdreport_parse(const void *data, size_t size, struct tdreport *ret,
                                uint64_t *ret_offset)
{
	enum format_code code;
	struct tdreport t;
	struct reader r = reader_of(data, size);

	reader_copy(&r, &t, sizeof(t));
	if (reader_left(&r) > 0)
		reader_fail(&r, FORMAT_TRAILING, reader_offset(&r));
	if (reader_ok(&r))
		check_type(&r, &t.mac);
	check_hash(&r, &t.tcb, sizeof(t.tcb), t.mac.tee_tcb_info_hash,
	           offsetof(struct report_mac, tee_tcb_info_hash));
	check_hash(&r, &t.td, sizeof(t.td), t.mac.tee_info_hash,
	           offsetof(struct report_mac, tee_info_hash));
	code = reader_end(&r, ret_offset);
	if (code == FORMAT_OK)
		*ret = t;
	return code;
}

void tdreport_seal(struct tdreport *report, const uint8_t *key, size_t key_size)
{
	struct report_mac *m = &report->mac;

	sha384(&report->tcb, sizeof(report->tcb), m->tee_tcb_info_hash);
	sha384(&report->td, sizeof(report->td), m->tee_info_hash);
	hmac_sha256(key, key_size, m, TDREPORT_MAC_COVERS, m->mac);
}

int tdreport_mac_ok(const struct tdreport *report, const uint8_t *key, size_t key_size)
{
	uint8_t mac[SHA256_SIZE], difference = 0;

	hmac_sha256(key, key_size, &report->mac, TDREPORT_MAC_COVERS, mac);
	for (size_t i = 0; i < sizeof(mac); i++)
		difference |= mac[i] ^ report->mac.mac[i];
	return difference == 0;
}

void rtmr_extend(uint8_t rtmr[TDX_DIGEST_SIZE], const uint8_t digest[TDX_DIGEST_SIZE])
{
	struct sha512 h;

	sha384_init(&h);
	sha512_update(&h, rtmr, TDX_DIGEST_SIZE);
	sha512_update(&h, digest, TDX_DIGEST_SIZE);
	sha384_final(&h, rtmr);
}
