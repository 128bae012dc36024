/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Firmware metadata: accepted sections lie in the image and apart from one another; MRTD and the
 * TD HOB can then be made without a check of their own.
 */
#include "format/bytes.h"
#include "format/tdvf.h"
#include "fuzz/fuzz.h"

static uint64_t check_sections(const struct tdvf *t, size_t size)
{
	uint64_t added = 0;

	FUZZ_CHECK(t->count > 0 && t->count <= TDVF_SECTIONS_MAX);
	for (uint32_t i = 0; i < t->count; i++) {
		const struct tdvf_section *s = &t->section[i];

		FUZZ_CHECK((uint64_t)s->data_offset + s->raw_size <= size);
		FUZZ_CHECK(s->raw_size <= s->memory_size);
		for (uint32_t j = 0; j < i; j++) {
			const struct tdvf_section *o = &t->section[j];

			FUZZ_CHECK(s->address >= o->address + o->memory_size ||
			           o->address >= s->address + s->memory_size);
		}
		if (!(s->attributes & TDVF_ATTR_PAGE_AUG))
			added += s->memory_size;
	}
	return added;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t low[] = {0x800000, 0x811000, 1u << 30, 2ull << 30};
	uint8_t mrtd[48], hob[4096];
	uint64_t at = UINT64_MAX;
	struct tdvf t;

	if (tdvf_parse(data, size, &t, &at) != FORMAT_OK) {
		FUZZ_CHECK(at <= size);
		return 0;
	}
	/* Hashing is what takes long: one input in sixteen, and of those none that
	 * takes seconds. */
	if (check_sections(&t, size) <= 1 << 20 && data[0] % 16 == 0) {
		tdvf_mrtd(data, size, &t, MRTD_SINGLE_PASS, mrtd);
		tdvf_mrtd(data, size, &t, MRTD_TWO_PASS, mrtd);
	}
	for (size_t i = 0; i < COUNT_OF(low); i++) {
		tdvf_hob_build(&t, low[i], low[i], hob, sizeof(hob));
		tdvf_hob_build(&t, low[i], 8ull << 30, hob, 200);
	}
	return 0;
}
