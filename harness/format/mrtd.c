/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "format/sha2.h"
#include "format/tdvf.h"

#define PAGE   4096u
#define CHUNK  256u /* bytes per TDH.MR.EXTEND */
#define RECORD 128u /* bytes of the record before them */

struct sink { /* where the bytes go */
	tdvf_take take;
	void *userdata;
};

/* A record is the leaf's name padded to 16 bytes, the guest-physical address, and zeros. */
static void make_record(uint8_t record[RECORD], const char name[16], uint64_t address)
{
	memset(record, 0, RECORD);
	memcpy(record, name, 16);
	memcpy(record + 16, &address, sizeof(address));
}

static void page_add(const struct sink *to, const struct tdvf_section *s, uint64_t offset)
{
	static const char name[16] = "MEM.PAGE.ADD";
	uint8_t record[RECORD];

	make_record(record, name, s->address + offset);
	to->take(to->userdata, record, sizeof(record));
}

/* Memory past the section's bytes in the image is zero. */
static void page_extend(const struct sink *to, const uint8_t *image, const struct tdvf_section *s,
                        uint64_t offset)
{
	static const char name[16] = "MR.EXTEND";

	if (!(s->attributes & TDVF_ATTR_MR_EXTEND))
		return;
	for (uint64_t end = offset + PAGE; offset < end; offset += CHUNK) {
		uint64_t n = offset < s->raw_size ? s->raw_size - offset : 0;
		uint8_t bytes[RECORD + CHUNK];

		make_record(bytes, name, s->address + offset);
		if (n < CHUNK)
			memset(bytes + RECORD, 0, CHUNK);
		if (n > 0)
			memcpy(bytes + RECORD, image + s->data_offset + offset,
			       n < CHUNK ? n : CHUNK);
		to->take(to->userdata, bytes, sizeof(bytes));
	}
}

void tdvf_mrtd_bytes(const void *image, const struct tdvf *tdvf, enum mrtd_order order,
                     tdvf_take take, void *userdata)
{
	const struct sink to = {take, userdata};

	for (uint32_t i = 0; i < tdvf->count; i++) {
		const struct tdvf_section *s = &tdvf->section[i];

		if (s->attributes & TDVF_ATTR_PAGE_AUG)
			continue; /* its pages come after MRTD is final, and can't be extended */
		for (uint64_t at = 0; at < s->memory_size; at += PAGE) {
			page_add(&to, s, at);
			if (order == MRTD_SINGLE_PASS)
				page_extend(&to, image, s, at);
		}
		for (uint64_t at = 0; order == MRTD_TWO_PASS && at < s->memory_size; at += PAGE)
			page_extend(&to, image, s, at);
	}
}

static void hash(void *userdata, const void *data, size_t size)
{
	sha512_update(userdata, data, size);
}

void tdvf_mrtd(const void *image, size_t size, const struct tdvf *tdvf, enum mrtd_order order,
               uint8_t mrtd[48])
{
	struct sha512 h;

	(void)size; /* tdvf_parse() has held every section against it */
	sha384_init(&h);
	tdvf_mrtd_bytes(image, tdvf, order, hash, &h);
	sha384_final(&h, mrtd);
}
