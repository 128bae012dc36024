/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "format/tdvf.h"

/* Hand-off blocks: UEFI Platform Initialization specification, volume 3, section 5. */
#define HOB_HANDOFF         1
#define HOB_RESOURCE        3
#define HOB_END             0xffff
#define HOB_HANDOFF_VERSION 9
#define RESOURCE_MEMORY     0 /* already added and accepted: the sections */
#define RESOURCE_UNACCEPTED 7
#define RESOURCE_ATTRIBUTES 7 /* present, initialized, tested */
#define FOUR_GIB            (1ull << 32)

struct hob_header {
	uint16_t type;
	uint16_t length;
	uint32_t reserved;
};

struct hob_handoff {
	struct hob_header header;
	uint32_t version;
	uint32_t boot_mode;
	uint64_t memory_top, memory_bottom, free_top, free_bottom; /* a VMM leaves these zero */
	uint64_t end; /* guest-physical, of the byte after the END block */
};

struct hob_resource {
	struct hob_header header;
	uint8_t owner[16];
	uint32_t type;
	uint32_t attributes;
	uint64_t start;
	uint64_t length;
};

_Static_assert(sizeof(struct hob_header) == TDVF_HOB_END_SIZE, "EFI_HOB_GENERIC_HEADER");
_Static_assert(sizeof(struct hob_handoff) == 56, "EFI_HOB_HANDOFF_INFO_TABLE");
_Static_assert(sizeof(struct hob_resource) == 48, "EFI_HOB_RESOURCE_DESCRIPTOR");

struct hob_list {
	uint8_t *out;
	size_t size;
	size_t used;
	bool full;
};

static void put(struct hob_list *l, const void *data, size_t size)
{
	if (l->full || size > l->size - l->used) {
		l->full = true;
		return;
	}
	memcpy(l->out + l->used, data, size);
	l->used += size;
}

static void put_resource(struct hob_list *l, uint32_t type, uint64_t start, uint64_t end)
{
	struct hob_resource hob = {
	        .header = {.type = HOB_RESOURCE, .length = sizeof(hob)},
	        .type = type,
	        .attributes = RESOURCE_ATTRIBUTES,
	        .start = start,
	        .length = end - start,
	};

	if (end > start)
		put(l, &hob, sizeof(hob));
}

static bool is_added(const struct tdvf_section *s)
{
	return s->type == TDVF_TD_HOB || s->type == TDVF_TEMP_MEM;
}

/* The added section with the lowest address that is not below `from`. */
static const struct tdvf_section *next_added(const struct tdvf *tdvf, uint64_t from)
{
	const struct tdvf_section *best = NULL;

	for (uint32_t i = 0; i < tdvf->count; i++) {
		const struct tdvf_section *s = &tdvf->section[i];

		if (is_added(s) && s->address >= from && (!best || s->address < best->address))
			best = s;
	}
	return best;
}

/* One range of RAM, split at the sections in it. Returns how many there were. */
static uint32_t put_ram(struct hob_list *l, const struct tdvf *tdvf, uint64_t start, uint64_t end)
{
	const struct tdvf_section *s;
	uint32_t sections = 0;

	while ((s = next_added(tdvf, start)) && s->address + s->memory_size <= end) {
		put_resource(l, RESOURCE_UNACCEPTED, start, s->address);
		start = s->address + s->memory_size;
		put_resource(l, RESOURCE_MEMORY, s->address, start);
		sections++;
	}
	put_resource(l, RESOURCE_UNACCEPTED, start, end);
	return sections;
}

size_t tdvf_hob_build(const struct tdvf *tdvf, uint64_t low, uint64_t memory, void *out,
                      size_t size)
{
	struct hob_handoff handoff = {
	        .header = {.type = HOB_HANDOFF, .length = sizeof(handoff)},
	        .version = HOB_HANDOFF_VERSION,
	};
	const struct hob_header end = {.type = HOB_END, .length = sizeof(end)};
	struct hob_list l = {.out = out, .size = size};
	const struct tdvf_section *hob = NULL;
	uint32_t added = 0;

	for (uint32_t i = 0; i < tdvf->count; i++) {
		if (tdvf->section[i].type == TDVF_TD_HOB)
			hob = &tdvf->section[i];
		added += is_added(&tdvf->section[i]);
	}
	if (!hob || low > memory || low > FOUR_GIB)
		return 0;
	put(&l, &handoff, sizeof(handoff));
	added -= put_ram(&l, tdvf, 0, low);
	added -= put_ram(&l, tdvf, FOUR_GIB, FOUR_GIB + (memory - low));
	put(&l, &end, sizeof(end));
	if (l.full || added != 0 || l.used > hob->memory_size)
		return 0;
	handoff.end = hob->address + l.used;
	memcpy(out, &handoff, sizeof(handoff));
	return l.used;
}
