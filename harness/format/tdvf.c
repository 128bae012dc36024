/* SPDX-License-Identifier: Apache-2.0 */
#include "format/tdvf.h"

#include <stdbool.h>
#include <string.h>

#include "format/bytes.h"
#include "format/reader.h"

#define PAGE           4096u
#define TABLE_END      32 /* bytes between the GUIDed table and the image's end: the reset vector */
#define ENTRY_TAIL     18 /* u16 length (of data and tail), GUID */
#define DESCRIPTOR     16 /* signature, length, version, count */
#define SECTION        32
#define TDVF_SIGNATURE 0x46564454u /* "TDVF" */
#define TDVF_VERSION   1

/* GUIDs in memory order. */
static const uint8_t table_footer[16] = {0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45,
                                         0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d};
static const uint8_t tdvf_offset[16] = {0x35, 0x65, 0x7a, 0xe4, 0x4a, 0x98, 0x98, 0x47,
                                        0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2};

static const char *const type_names[] = {
        [TDVF_BFV] = "BFV",
        [TDVF_CFV] = "CFV",
        [TDVF_TD_HOB] = "TD_HOB",
        [TDVF_TEMP_MEM] = "TempMem",
        [TDVF_PERM_MEM] = "PermMem",
        [TDVF_PAYLOAD] = "Payload",
        [TDVF_PAYLOAD_PARAM] = "PayloadParam",
};
_Static_assert(COUNT_OF(type_names) == TDVF_TYPE_COUNT, "type without name");

const char *tdvf_type_name(uint32_t type)
{
	return type < TDVF_TYPE_COUNT ? type_names[type] : "?";
}

/* A reader over image[start, end); both must lie in the image. */
static struct reader part(const uint8_t *image, uint64_t start, uint64_t end)
{
	struct reader r = reader_of(image + start, end - start);

	r.base = start;
	return r;
}

/*
 * Reads the table entry that ends at `end`: its length, its GUID, and where its data begins, which
 * is also where the entry before it ends. Nothing may begin before `floor`.
 */
static void read_entry(const uint8_t *image, uint64_t floor, uint64_t end, struct reader *fail,
                       uint64_t *ret_start, const uint8_t **ret_guid)
{
	struct reader r = part(image, floor, end);
	uint16_t length;

	if (reader_left(&r) < ENTRY_TAIL) {
		reader_fail(fail, FORMAT_TRUNCATED, floor);
		return;
	}
	reader_skip(&r, end - floor - ENTRY_TAIL);
	length = reader_u16(&r);
	*ret_guid = reader_bytes(&r, 16);
	if (length < ENTRY_TAIL || length > end - floor)
		reader_fail(fail, FORMAT_BAD_SIZE, end - ENTRY_TAIL);
	else
		*ret_start = end - length;
}

/* Walks the GUIDed table backwards; leaves the descriptor's offset in the image. */
static void find_descriptor(const uint8_t *image, size_t size, struct reader *fail,
                            uint64_t *ret_descriptor)
{
	uint64_t start = 0, end, floor;
	const uint8_t *guid = NULL;
	bool found = false;

	if (size < TABLE_END + ENTRY_TAIL) {
		reader_fail(fail, FORMAT_TRUNCATED, size);
		return;
	}
	end = size - TABLE_END;
	if (memcmp(image + end - sizeof(table_footer), table_footer, sizeof(table_footer)) != 0) {
		reader_fail(fail, FORMAT_MISSING, end - sizeof(table_footer));
		return;
	}
	read_entry(image, 0, end, fail, &floor, &guid);
	for (end -= ENTRY_TAIL; reader_ok(fail) && end > floor; end = start) {
		struct reader data;
		uint32_t offset;

		read_entry(image, floor, end, fail, &start, &guid);
		if (!reader_ok(fail) || memcmp(guid, tdvf_offset, sizeof(tdvf_offset)) != 0)
			continue;
		data = part(image, start, end - ENTRY_TAIL);
		if (reader_left(&data) != sizeof(offset)) {
			reader_fail(fail, FORMAT_BAD_SIZE, end - ENTRY_TAIL);
			continue;
		}
		offset = reader_u32(&data);
		if (offset < DESCRIPTOR || offset > size)
			reader_fail(fail, FORMAT_BAD_VALUE, start);
		if (found)
			reader_fail(fail, FORMAT_DUPLICATE, start);
		found = true;
		*ret_descriptor = size - offset;
	}
	if (!found)
		reader_fail(fail, FORMAT_MISSING, end);
}

enum { /* offsets of a section's fields, to say which one is at fault */
       AT_DATA = 0,
       AT_RAW = 4,
       AT_ADDRESS = 8,
       AT_MEMORY = 16,
       AT_TYPE = 24,
       AT_ATTRIBUTES = 28
};

static void check_ranges(struct reader *r, const struct tdvf_section *s, size_t size, uint64_t at)
{
	if (s->raw_size == 0 && s->data_offset != 0)
		reader_fail(r, FORMAT_BAD_VALUE, at + AT_DATA);
	if (s->data_offset > size)
		reader_fail(r, FORMAT_BAD_SIZE, at + AT_DATA);
	else if (s->raw_size > size - s->data_offset)
		reader_fail(r, FORMAT_BAD_SIZE, at + AT_RAW);
	if (s->address % PAGE != 0)
		reader_fail(r, FORMAT_BAD_VALUE, at + AT_ADDRESS);
	if (s->memory_size == 0 || s->memory_size % PAGE != 0 ||
	    s->memory_size > UINT64_MAX - s->address)
		reader_fail(r, FORMAT_BAD_SIZE, at + AT_MEMORY);
	if (s->raw_size > s->memory_size)
		reader_fail(r, FORMAT_BAD_SIZE, at + AT_RAW);
}

static void check_kind(struct reader *r, const struct tdvf_section *s, uint64_t at)
{
	const uint32_t both = TDVF_ATTR_MR_EXTEND | TDVF_ATTR_PAGE_AUG;
	bool with_data = s->raw_size > 0;

	if (s->type >= TDVF_TYPE_COUNT)
		reader_fail(r, FORMAT_BAD_TYPE, at + AT_TYPE);
	if ((s->attributes & ~both) != 0 || s->attributes == both)
		reader_fail(r, FORMAT_BAD_VALUE, at + AT_ATTRIBUTES);
	if ((s->attributes & TDVF_ATTR_PAGE_AUG) && with_data)
		reader_fail(r, FORMAT_BAD_VALUE, at + AT_ATTRIBUTES);
	if ((s->type == TDVF_BFV || s->type == TDVF_CFV) && !with_data)
		reader_fail(r, FORMAT_BAD_SIZE, at + AT_RAW);
	if ((s->type == TDVF_TD_HOB || s->type == TDVF_TEMP_MEM || s->type == TDVF_PERM_MEM) &&
	    with_data)
		reader_fail(r, FORMAT_BAD_SIZE, at + AT_RAW);
}

static uint64_t added_bytes(const struct tdvf_section *s)
{
	return s->attributes & TDVF_ATTR_PAGE_AUG ? 0 : s->memory_size;
}

/* Section `n` against those before it. */
static void check_others(struct reader *r, const struct tdvf *t, uint32_t n, uint64_t at)
{
	const struct tdvf_section *s = &t->section[n];
	uint64_t added = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct tdvf_section *o = &t->section[i];

		if (s->address < o->address + o->memory_size &&
		    o->address < s->address + s->memory_size)
			reader_fail(r, FORMAT_OVERLAP, at + AT_ADDRESS);
		if (s->type == TDVF_TD_HOB && o->type == TDVF_TD_HOB)
			reader_fail(r, FORMAT_DUPLICATE, at + AT_TYPE);
		added += added_bytes(o);
	}
	/* What has no data in the image is memory that someone asks for: bound it all the same, or
	 * a few bytes of metadata make MRTD run for years. `added` is at most the bound. */
	if (added_bytes(s) > TDVF_MEMORY_MAX - added)
		reader_fail(r, FORMAT_BAD_SIZE, at + AT_MEMORY);
}

static void read_section(struct reader *r, struct tdvf *t, uint32_t n, size_t size)
{
	struct tdvf_section *s = &t->section[n];
	uint64_t at = reader_offset(r);

	s->data_offset = reader_u32(r);
	s->raw_size = reader_u32(r);
	s->address = reader_u64(r);
	s->memory_size = reader_u64(r);
	s->type = reader_u32(r);
	s->attributes = reader_u32(r);
	if (!reader_ok(r))
		return;
	check_ranges(r, s, size, at);
	check_kind(r, s, at);
	if (reader_ok(r))
		check_others(r, t, n, at);
}

static void read_descriptor(struct reader *r, size_t size, struct tdvf *t)
{
	uint64_t at = reader_offset(r);
	uint32_t length, version;
	bool has_bfv = false;

	if (reader_u32(r) != TDVF_SIGNATURE)
		reader_fail(r, FORMAT_BAD_MAGIC, at);
	length = reader_u32(r);
	version = reader_u32(r);
	t->count = reader_u32(r);
	if (reader_ok(r) && version != TDVF_VERSION)
		reader_fail(r, FORMAT_BAD_VERSION, at + 8);
	if (reader_ok(r) && (t->count == 0 || t->count > TDVF_SECTIONS_MAX))
		reader_fail(r, FORMAT_BAD_COUNT, at + 12);
	if (reader_ok(r) && length != DESCRIPTOR + t->count * SECTION)
		reader_fail(r, FORMAT_BAD_SIZE, at + 4);
	for (uint32_t i = 0; reader_ok(r) && i < t->count; i++) {
		read_section(r, t, i, size);
		has_bfv = has_bfv || t->section[i].type == TDVF_BFV;
	}
	if (reader_ok(r) && !has_bfv)
		reader_fail(r, FORMAT_MISSING, at);
}

enum format_code tdvf_parse(const void *image, size_t size, struct tdvf *ret, uint64_t *ret_offset)
{
	uint64_t descriptor = 0;
	struct tdvf t = {0};
	enum format_code code;
	struct reader r = reader_of(image, size);

	if (size > TDVF_IMAGE_MAX)
		reader_fail(&r, FORMAT_BAD_SIZE, 0);
	else
		find_descriptor(image, size, &r, &descriptor);
	if (reader_ok(&r)) {
		r = part(image, descriptor, size);
		read_descriptor(&r, size, &t);
	}
	code = reader_result(&r, ret_offset);
	if (code == FORMAT_OK)
		*ret = t;
	return code;
}
