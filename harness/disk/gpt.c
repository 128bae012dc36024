/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/gpt.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#include "disk/fat.h"
#include "format/bytes.h"
#include "format/guid.h"
#include "format/reader.h"

static const uint8_t guid_esp[GUID_SIZE] =
        GUID(0xc12a7328, 0xf81f, 0x11d2, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b);
static const uint8_t guid_xbootldr[GUID_SIZE] =
        GUID(0xbc13c2ff, 0x59e6, 0x4262, 0xa3, 0x52, 0xb2, 0x75, 0xfd, 0x6f, 0x71, 0x72);

struct header {
	uint64_t entries_at; /* bytes */
	uint32_t entries;
	uint32_t entries_crc;
};

static int bad(struct err *e, uint64_t at, const char *what)
{
	return err_set(e, -EBADMSG, "partition table: %s at byte %" PRIu64, what, at);
}

/* ---- GPT ---- */

static int read_header(const uint8_t raw[GPT_HEADER_SIZE], uint32_t sector, struct header *h,
                       struct err *e)
{
	uint8_t copy[GPT_HEADER_SIZE];
	uint64_t first;
	uint32_t crc, size;
	struct reader r = reader_of(raw, GPT_HEADER_SIZE);

	reader_skip(&r, 8 + 4);
	size = reader_u32(&r);
	crc = reader_u32(&r);
	reader_skip(&r, 4);
	if (reader_u64(&r) != 1)
		return bad(e, sector + 24, "bad-value");
	reader_skip(&r, 8 + 8 + 8 + GUID_SIZE);
	first = reader_u64(&r);
	h->entries = reader_u32(&r);
	if (reader_u32(&r) != GPT_ENTRY_SIZE)
		return bad(e, sector + 84, "bad-size");
	h->entries_crc = reader_u32(&r);
	if (size != GPT_HEADER_SIZE)
		return bad(e, sector + 12, "bad-size");
	memcpy(copy, raw, sizeof(copy));
	memset(copy + 16, 0, 4);
	if (crc32(0, copy, sizeof(copy)) != crc)
		return bad(e, sector + 16, "wrong checksum");
	if (h->entries == 0 || h->entries > GPT_ENTRIES_MAX)
		return bad(e, sector + 80, "bad-count");
	if (first < 2 || first > UINT64_MAX / sector)
		return bad(e, sector + 72, "bad-value");
	h->entries_at = first * sector;
	return 0;
}

/* Adds an entry in use to the list and to what is measured. */
static int add_entry(struct gpt *g, const uint8_t *raw, unsigned number, uint64_t at,
                     uint64_t disk_bytes, struct err *e)
{
	struct gpt_partition *p = &g->partition[g->partitions];
	uint64_t first, last;
	struct reader r;

	if (g->partitions == GPT_PARTITIONS_MAX)
		return err_set(e, -ENOTSUP, "partition table: more than %d partitions",
		               GPT_PARTITIONS_MAX);
	r = reader_of(raw, GPT_ENTRY_SIZE);
	p->number = number;
	p->esp = memcmp(raw, guid_esp, GUID_SIZE) == 0;
	p->xbootldr = memcmp(raw, guid_xbootldr, GUID_SIZE) == 0;
	reader_skip(&r, GUID_SIZE);
	reader_skip(&r, GUID_SIZE);
	first = reader_u64(&r);
	last = reader_u64(&r);
	if (first > last || last >= disk_bytes / g->sector)
		return bad(e, at + 32, "bad-value");
	p->start = first * g->sector;
	p->size = (last - first + 1) * g->sector;
	memcpy(g->event + g->event_size, raw, GPT_ENTRY_SIZE);
	g->event_size += GPT_ENTRY_SIZE;
	g->partitions++;
	return 0;
}

/* The entries one by one: their number is the table's affair. */
static int read_entries(struct disk *d, struct gpt *g, const struct header *h, struct err *e)
{
	static const uint8_t unused[GUID_SIZE];
	uLong crc = crc32(0, NULL, 0);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < h->entries; i++) {
		uint64_t at = h->entries_at + (uint64_t)i * GPT_ENTRY_SIZE;
		uint8_t raw[GPT_ENTRY_SIZE];

		r = disk_read(d, at, raw, sizeof(raw), e);
		if (r < 0)
			return r;
		crc = crc32(crc, raw, sizeof(raw));
		if (memcmp(raw, unused, GUID_SIZE) != 0)
			r = add_entry(g, raw, i + 1, at, disk_size(d), e);
	}
	if (r == 0 && crc != h->entries_crc)
		return bad(e, h->entries_at, "wrong checksum");
	return r;
}

static int read_gpt(struct disk *d, struct gpt *g, struct err *e)
{
	struct header h = {0};
	int r = read_header(g->event, g->sector, &h, e);

	if (r < 0)
		return r;
	g->kind = GPT_TABLE;
	g->event_size = GPT_HEADER_SIZE + 8;
	r = read_entries(d, g, &h, e);
	memset(g->event + GPT_HEADER_SIZE, 0, 8);
	g->event[GPT_HEADER_SIZE] = (uint8_t)g->partitions;
	return r;
}

/* ---- MBR, and no table ---- */

enum {
	MBR_ENTRIES = 446,
	MBR_ENTRY_SIZE = 16,
	MBR_SIGNATURE = 510,
	MBR_PROTECTIVE = 0xee,
	MBR_ESP = 0xef
};

static bool mbr_is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static int read_mbr(struct disk *d, const uint8_t sector[DISK_SECTOR], struct gpt *g, struct err *e)
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned at = MBR_ENTRIES + i * MBR_ENTRY_SIZE;
		struct gpt_partition *p = &g->partition[g->partitions];
		uint8_t type = sector[at + 4];
		struct reader r;

		if (type == 0)
			continue;
		if (type == MBR_PROTECTIVE) /* of a GPT that is not there */
			return bad(e, DISK_SECTOR, "bad-magic");
		if (mbr_is_extended(type))
			return err_set(e, -ENOTSUP, "partition table: an extended partition");
		r = reader_of(sector + at + 8, 8);
		p->start = (uint64_t)reader_u32(&r) * DISK_SECTOR;
		p->size = (uint64_t)reader_u32(&r) * DISK_SECTOR;
		if (p->start == 0 || p->size == 0 || p->start >= disk_size(d) ||
		    p->size > disk_size(d) - p->start)
			return bad(e, at + 8, "bad-value");
		p->number = i + 1;
		p->esp = type == MBR_ESP;
		g->partitions++;
	}
	g->kind = g->partitions ? GPT_MBR : GPT_BARE;
	return 0;
}

/* An image in a form that is no raw or qcow2 one, or NULL. */
static const char *other_form(const uint8_t *sector)
{
	static const struct {
		size_t at;
		const char *magic, *name;
	} forms[] = {
	        {0, "KDMV", "a VMDK image"},
	        {0, "# Disk DescriptorFile", "the descriptor of a VMDK image"},
	        {0, "vhdxfile", "a VHDX image"},
	        {0, "conectix", "a dynamic VHD image"},
	        {64, "\x7f\x10\xda\xbe", "a VDI image"},
	        {0, "\x1f\x8b", "a gzip file"},
	        {0,
	         "\xfd"
	         "7zXZ",
	         "an xz file"},
	        {0, "\x28\xb5\x2f\xfd", "a zstd file"},
	        {0, "BZh", "a bzip2 file"},
	        {0, "PK\3\4", "a zip file"},
	        {0, "IGVM", "an IGVM file"},
	};

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		if (memcmp(sector + forms[i].at, forms[i].magic, strlen(forms[i].magic)) == 0)
			return forms[i].name;
	}
	return NULL;
}

static int read_without_gpt(struct disk *d, struct gpt *g, struct err *e)
{
	uint8_t sector[DISK_SECTOR];
	struct fat fat;
	const char *form;
	int r = disk_read(d, 0, sector, sizeof(sector), e);

	if (r < 0)
		return r;
	g->event_size = 0;
	form = other_form(sector);
	if (form)
		return err_set(e, -ENOTSUP,
		               "disk: %s: convert it with 'qemu-img convert -O raw', or "
		               "unpack it",
		               form);
	if (sector[MBR_SIGNATURE] != 0x55 || sector[MBR_SIGNATURE + 1] != 0xaa)
		return bad(e, DISK_SECTOR, "bad-magic");
	r = read_mbr(d, sector, g, e);
	if (r < 0 || g->kind == GPT_MBR)
		return r;
	/* No partition: a file system of its own, as on a floppy disk. */
	r = fat_open(d, 0, disk_size(d), &fat, e);
	if (r < 0)
		return bad(e, DISK_SECTOR, "bad-magic");
	g->partition[0] = (struct gpt_partition){.size = disk_size(d), .number = 1};
	g->partitions = 1;
	return 0;
}

/* The firmware looks at a GPT only where an inactive entry of the MBR protects it, from sector 1. */
static int check_protection(struct disk *d, struct err *e)
{
	uint8_t sector[DISK_SECTOR];
	int r = disk_read(d, 0, sector, sizeof(sector), e);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < 4; i++) {
		const uint8_t *entry = sector + MBR_ENTRIES + i * MBR_ENTRY_SIZE;

		if (entry[0] == 0 && entry[4] == MBR_PROTECTIVE &&
		    memcmp(entry + 8, "\1\0\0\0", 4) == 0)
			return 0;
	}
	return err_set(e, -ENOTSUP,
	               "partition table: a GPT without a protective MBR (an inactive entry of "
	               "type 0xee from sector 1), which the firmware does not read");
}

int gpt_read(struct disk *d, struct gpt *ret, struct err *e)
{
	static const uint32_t sectors[] = {DISK_SECTOR, 4096};
	struct gpt g = {.sector = DISK_SECTOR};
	bool found = false;
	int r;

	for (size_t i = 0; !found && i < COUNT_OF(sectors); i++) {
		g.sector = sectors[i];
		found = disk_read(d, g.sector, g.event, GPT_HEADER_SIZE, NULL) == 0 &&
		        memcmp(g.event, "EFI PART", 8) == 0;
	}
	if (!found)
		g.sector = DISK_SECTOR;
	r = found ? check_protection(d, e) : read_without_gpt(d, &g, e);
	if (found && r == 0)
		r = read_gpt(d, &g, e);
	if (r == 0)
		*ret = g;
	return r;
}
