/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "format/sha2.h"
#include "format/tdvf.h"

#define PAGE   4096u
#define CHUNK  256u /* bytes per TDH.MR.EXTEND */
#define RECORD 128u /* bytes of the record before them */

/* A record is the leaf's name padded to 16 bytes, the guest-physical address, and zeros. */
static void hash_record(struct sha512 *h, const char name[16], uint64_t address)
{
	uint8_t record[RECORD] = {0};

	memcpy(record, name, 16);
	memcpy(record + 16, &address, sizeof(address));
	sha512_update(h, record, sizeof(record));
}

static void page_add(struct sha512 *h, const struct tdvf_section *s, uint64_t offset)
{
	static const char name[16] = "MEM.PAGE.ADD";

	hash_record(h, name, s->address + offset);
}

/* Memory past the section's bytes in the image is zero. */
static void page_extend(struct sha512 *h, const uint8_t *image, const struct tdvf_section *s,
                        uint64_t offset)
{
	static const char name[16] = "MR.EXTEND";

	if (!(s->attributes & TDVF_ATTR_MR_EXTEND))
		return;
	for (uint64_t end = offset + PAGE; offset < end; offset += CHUNK) {
		uint64_t n = offset < s->raw_size ? s->raw_size - offset : 0;
		uint8_t chunk[CHUNK] = {0};

		if (n > 0)
			memcpy(chunk, image + s->data_offset + offset, n < CHUNK ? n : CHUNK);
		hash_record(h, name, s->address + offset);
		sha512_update(h, chunk, CHUNK);
	}
}

void tdvf_mrtd(const void *image, size_t size, const struct tdvf *tdvf, enum mrtd_order order,
               uint8_t mrtd[48])
{
	struct sha512 h;

	(void)size; /* tdvf_parse() has held every section against it */
	sha384_init(&h);
	for (uint32_t i = 0; i < tdvf->count; i++) {
		const struct tdvf_section *s = &tdvf->section[i];

		if (s->attributes & TDVF_ATTR_PAGE_AUG)
			continue; /* its pages come after MRTD is final, and can't be extended */
		for (uint64_t at = 0; at < s->memory_size; at += PAGE) {
			page_add(&h, s, at);
			if (order == MRTD_SINGLE_PASS)
				page_extend(&h, image, s, at);
		}
		for (uint64_t at = 0; order == MRTD_TWO_PASS && at < s->memory_size; at += PAGE)
			page_extend(&h, image, s, at);
	}
	sha384_final(&h, mrtd);
}
