/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/gpt.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#include "format/guid.h"
#include "format/reader.h"

#define TABLE_MAX (GPT_PARTITIONS_MAX * GPT_ENTRY_SIZE)

static const uint8_t guid_esp[GUID_SIZE] =
        GUID(0xc12a7328, 0xf81f, 0x11d2, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b);

struct header {
	uint64_t entries_at; /* bytes */
	uint32_t entries;
	uint32_t entries_crc;
};

static int bad(struct err *e, uint64_t at, const char *what)
{
	return err_set(e, -EBADMSG, "partition table: %s at byte %" PRIu64, what, at);
}

static int read_header(const uint8_t raw[GPT_HEADER_SIZE], struct header *h, struct err *e)
{
	uint8_t copy[GPT_HEADER_SIZE];
	uint64_t sector;
	uint32_t crc, size;
	struct reader r;

	reader_init(&r, raw, GPT_HEADER_SIZE);
	if (memcmp(reader_bytes(&r, 8), "EFI PART", 8) != 0)
		return bad(e, DISK_SECTOR, "bad-magic");
	reader_skip(&r, 4);
	size = reader_u32(&r);
	crc = reader_u32(&r);
	reader_skip(&r, 4);
	if (reader_u64(&r) != 1)
		return bad(e, DISK_SECTOR + 24, "bad-value");
	reader_skip(&r, 8 + 8 + 8 + GUID_SIZE);
	sector = reader_u64(&r);
	h->entries = reader_u32(&r);
	if (reader_u32(&r) != GPT_ENTRY_SIZE)
		return bad(e, DISK_SECTOR + 84, "bad-size");
	h->entries_crc = reader_u32(&r);
	if (size != GPT_HEADER_SIZE)
		return bad(e, DISK_SECTOR + 12, "bad-size");
	memcpy(copy, raw, sizeof(copy));
	memset(copy + 16, 0, 4);
	if (crc32(0, copy, sizeof(copy)) != crc)
		return bad(e, DISK_SECTOR + 16, "wrong checksum");
	if (h->entries == 0 || h->entries > GPT_PARTITIONS_MAX)
		return bad(e, DISK_SECTOR + 80, "bad-count");
	if (sector < 2 || sector > UINT64_MAX / DISK_SECTOR)
		return bad(e, DISK_SECTOR + 72, "bad-value");
	h->entries_at = sector * DISK_SECTOR;
	return 0;
}

/* Adds an entry in use to the list and to what is measured. */
static int add_entry(struct gpt *g, const uint8_t *raw, unsigned number, uint64_t at,
                     uint64_t disk_bytes, struct err *e)
{
	struct gpt_partition *p = &g->partition[g->partitions];
	uint64_t first, last;
	struct reader r;

	reader_init(&r, raw, GPT_ENTRY_SIZE);
	p->number = number;
	p->esp = memcmp(reader_bytes(&r, GUID_SIZE), guid_esp, GUID_SIZE) == 0;
	reader_skip(&r, GUID_SIZE);
	first = reader_u64(&r);
	last = reader_u64(&r);
	if (first > last || last >= disk_bytes / DISK_SECTOR)
		return bad(e, at + 32, "bad-value");
	p->start = first * DISK_SECTOR;
	p->size = (last - first + 1) * DISK_SECTOR;
	memcpy(g->event + g->event_size, raw, GPT_ENTRY_SIZE);
	g->event_size += GPT_ENTRY_SIZE;
	g->partitions++;
	return 0;
}

int gpt_read(struct disk *d, struct gpt *ret, struct err *e)
{
	static const uint8_t unused[GUID_SIZE];
	uint8_t table[TABLE_MAX];
	struct header h = {0};
	struct gpt g = {.event_size = GPT_HEADER_SIZE + 8};
	int r = disk_read(d, DISK_SECTOR, g.event, GPT_HEADER_SIZE, e);

	if (r == 0)
		r = read_header(g.event, &h, e);
	if (r == 0)
		r = disk_read(d, h.entries_at, table, h.entries * GPT_ENTRY_SIZE, e);
	if (r < 0)
		return r;
	if (crc32(0, table, h.entries * GPT_ENTRY_SIZE) != h.entries_crc)
		return bad(e, h.entries_at, "wrong checksum");
	for (uint32_t i = 0; r == 0 && i < h.entries; i++) {
		const uint8_t *raw = table + i * GPT_ENTRY_SIZE;

		if (memcmp(raw, unused, GUID_SIZE) != 0)
			r = add_entry(&g, raw, i + 1, h.entries_at + i * GPT_ENTRY_SIZE,
			              disk_size(d), e);
	}
	g.event[GPT_HEADER_SIZE] = (uint8_t)g.partitions;
	if (r == 0)
		*ret = g;
	return r;
}
