/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/fat.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "disk/fat_internal.h"
#include "format/reader.h"

#define BOOT_SECTOR_SIZE 512
#define DIRECTORY_MAX    (4u << 20) /* bytes: 65536 entries are 2 MiB */
#define ENTRY_SIZE       32
#define LOWER_BASE       0x08 /* in byte 12: a short name is shown in small letters */
#define LOWER_EXTENSION  0x10

enum { ATTRIBUTE_READ_ONLY = 0x01, ATTRIBUTE_VOLUME = 0x08, ATTRIBUTE_FOLDER = 0x10 };
enum { ATTRIBUTE_LONG = 0x0f };

static int bad(struct err *e, uint64_t at, const char *what)
{
	return err_set(e, -EBADMSG, "FAT: %s at byte %" PRIu64 " of the partition", what, at);
}

/* ---- the boot sector ---- */

struct boot_sector {
	uint32_t sector_size, sectors_per_cluster, reserved, tables, root_entries, sectors,
	        table_sectors, root_cluster;
	bool fat32; /* edk2 goes by this field, not by the number of clusters */
};

static void read_boot_sector(struct reader *r, struct boot_sector *b)
{
	reader_skip(r, 11);
	b->sector_size = reader_u16(r);
	b->sectors_per_cluster = reader_u8(r);
	b->reserved = reader_u16(r);
	b->tables = reader_u8(r);
	b->root_entries = reader_u16(r);
	b->sectors = reader_u16(r);
	reader_skip(r, 1);
	b->table_sectors = reader_u16(r);
	reader_skip(r, 8);
	if (b->sectors == 0)
		b->sectors = reader_u32(r);
	else
		reader_skip(r, 4);
	if (b->table_sectors == 0) {
		b->fat32 = true;
		b->table_sectors = reader_u32(r);
		reader_skip(r, 4);
		b->root_cluster = reader_u32(r);
	}
}

static bool power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static int lay_out(struct fat *f, const struct boot_sector *b, uint64_t size, struct err *e)
{
	uint64_t root, data, table;

	if (!power_of_two(b->sector_size) || b->sector_size < 512 || b->sector_size > 4096)
		return bad(e, 11, "bad-value");
	if (!power_of_two(b->sectors_per_cluster))
		return bad(e, 13, "bad-value");
	if (b->reserved == 0 || b->tables == 0 || b->tables > 2)
		return bad(e, 14, "bad-value");
	if (b->sectors == 0 || (uint64_t)b->sectors * b->sector_size > size)
		return bad(e, 32, "bad-size");
	f->cluster_size = b->sector_size * b->sectors_per_cluster;
	f->table_at = (uint64_t)b->reserved * b->sector_size;
	table = (uint64_t)b->table_sectors * b->sector_size;
	f->root_at = f->table_at + table * b->tables;
	root = (uint64_t)b->root_entries * ENTRY_SIZE;
	f->root_size = (uint32_t)root;
	data = f->root_at + (root + b->sector_size - 1) / b->sector_size * b->sector_size;
	if (data >= (uint64_t)b->sectors * b->sector_size)
		return bad(e, 36, "bad-size");
	f->data_at = data;
	f->clusters = (uint32_t)(((uint64_t)b->sectors * b->sector_size - data) / f->cluster_size);
	f->bits = b->fat32 ? 32 : f->clusters < 4085 ? 12 : 16;
	f->root_cluster = b->root_cluster;
	if (b->fat32 != (b->root_entries == 0))
		return bad(e, 17, "bad-count");
	if (b->fat32 != (f->clusters >= 65525)) /* edk2 mounts neither: FatOpenDevice() */
		return bad(e, 22, "bad-size");
	if (f->clusters > 0x0ffffff5)
		return bad(e, 32, "bad-size");
	if (table < ((uint64_t)f->clusters + 2) * f->bits / 8)
		return bad(e, 36, "bad-size");
	return 0;
}

int fat_open(struct disk *d, uint64_t start, uint64_t size, struct fat *ret, struct err *e)
{
	struct fat f = {.disk = d, .start = start};
	uint8_t sector[BOOT_SECTOR_SIZE];
	struct boot_sector b = {0};
	struct reader r;
	int code;

	if (size < sizeof(sector))
		return bad(e, 0, "truncated");
	code = disk_read(d, start, sector, sizeof(sector), e);
	if (code < 0)
		return code;
	if (sector[510] != 0x55 || sector[511] != 0xaa)
		return bad(e, 510, "bad-magic");
	r = reader_of(sector, sizeof(sector));
	read_boot_sector(&r, &b);
	code = lay_out(&f, &b, size, e);
	if (code == 0)
		*ret = f;
	return code;
}

/* ---- chains of clusters ---- */

/* The cluster after `cluster`, or 0 at the chain's end. */
int fat_next_cluster(const struct fat *f, uint32_t cluster, uint32_t *ret, struct err *e)
{
	uint64_t at = f->table_at + (uint64_t)cluster * f->bits / 8;
	uint32_t mask = f->bits == 32 ? 0x0fffffff : (1u << f->bits) - 1, value;
	uint8_t raw[4] = {0};
	int r = disk_read(f->disk, f->start + at, raw, f->bits == 32 ? 4 : 2, e);

	if (r < 0)
		return r;
	value = raw[0] | (uint32_t)raw[1] << 8 | (uint32_t)raw[2] << 16 | (uint32_t)raw[3] << 24;
	if (f->bits == 12 && (cluster & 1))
		value >>= 4;
	value &= mask;
	if (value >= (mask & ~7u)) {
		*ret = 0;
		return 0;
	}
	if (value < 2 || value - 2 >= f->clusters)
		return bad(e, at, "bad-value in a chain");
	*ret = value;
	return 0;
}

int fat_check_cluster(const struct fat *f, uint32_t cluster, struct err *e)
{
	if (cluster < 2 || cluster - 2 >= f->clusters)
		return err_set(e, -EBADMSG, "FAT: no such cluster: %" PRIu32, cluster);
	return 0;
}

static int read_cluster(const struct fat *f, uint32_t cluster, uint8_t *out, size_t size,
                        struct err *e)
{
	uint64_t at = f->data_at + (uint64_t)(cluster - 2) * f->cluster_size;

	return disk_read(f->disk, f->start + at, out, size, e);
}

/* A whole directory's bytes; a chain longer than DIRECTORY_MAX, so also an endless one, fails. */
static int read_folder(const struct fat *f, uint32_t cluster, struct bytes *ret, struct err *e)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t size = 0;
	int r = fat_check_cluster(f, cluster, e);

	while (r == 0 && cluster != 0) {
		uint8_t *grown;

		if (size + f->cluster_size > DIRECTORY_MAX)
			return err_set(e, -EBADMSG,
			               "FAT: a folder is too large, or goes in circles");
		grown = realloc(data, size + f->cluster_size);
		if (!grown)
			return err_sys(e, -ENOMEM, "FAT");
		data = grown;
		r = read_cluster(f, cluster, data + size, f->cluster_size, e);
		size += f->cluster_size;
		if (r == 0)
			r = fat_next_cluster(f, cluster, &cluster, e);
	}
	if (r < 0)
		return r;
	*ret = (struct bytes){TAKE_PTR(data), size};
	return 0;
}

static int read_root(const struct fat *f, struct bytes *ret, struct err *e)
{
	uint8_t *data;
	int r;

	if (f->bits == 32)
		return read_folder(f, f->root_cluster, ret, e);
	data = malloc(f->root_size);
	if (!data)
		return err_sys(e, -ENOMEM, "FAT");
	r = disk_read(f->disk, f->start + f->root_at, data, f->root_size, e);
	if (r < 0)
		free(data);
	else
		*ret = (struct bytes){data, f->root_size};
	return r;
}

/* ---- names ---- */

struct long_name { /* gathered from the entries before the one it belongs to */
	char text[FAT_NAME_MAX + 1];
	bool valid, ascii;
	uint8_t checksum; /* of the short name */
};

static void take_long_part(struct long_name *n, const uint8_t *raw)
{
	static const uint8_t at[13] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
	unsigned part = raw[0] & 0x1f;

	if (raw[0] & 0x40) {
		*n = (struct long_name){.valid = true, .ascii = true, .checksum = raw[13]};
	}
	if (part < 1 || part > 20) {
		n->valid = false;
		return;
	}
	for (unsigned i = 0; i < 13; i++) {
		unsigned unit = raw[at[i]] | (unsigned)raw[at[i] + 1] << 8;

		/* What is not ASCII matches none of the names we look for. */
		n->text[(part - 1) * 13 + i] = unit == 0xffff ? '\0'
		                               : unit < 0x80  ? (char)unit
		                                              : '?';
		if (unit >= 0x80 && unit != 0xffff)
			n->ascii = false;
	}
}

static uint8_t short_checksum(const uint8_t *raw)
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < 11; i++)
		sum = (uint8_t)(((sum & 1) << 7 | sum >> 1) + raw[i]);
	return sum;
}

static void short_name(const uint8_t *raw, struct fat_entry *ret)
{
	size_t n = 0;

	ret->ascii = true;
	for (unsigned i = 0; i < 11; i++) {
		bool lower = raw[12] & (i < 8 ? LOWER_BASE : LOWER_EXTENSION);

		if (raw[i] == ' ')
			continue;
		if (i >= 8 && !memchr(ret->name, '.', n))
			ret->name[n++] = '.';
		if (raw[i] >= 0x80)
			ret->ascii = false;
		ret->name[n++] = raw[i] >= 0x80 ? '?'
		                 : lower        ? (char)tolower(raw[i])
		                                : (char)raw[i];
	}
	ret->name[n] = '\0';
}

/* The entry at *at or the next one that is a file or folder, with both of its names; 0 at the end.
 */
static bool next_entry(const struct bytes folder, size_t *at, struct fat_place *ret,
                       struct fat_entry *ret_short)
{
	struct long_name longer = {.valid = false};

	for (; *at + ENTRY_SIZE <= folder.size; *at += ENTRY_SIZE) {
		const uint8_t *raw = folder.data + *at;

		if (raw[0] == 0)
			return false;
		if (raw[0] == 0xe5) {
			longer.valid = false;
			continue;
		}
		if ((raw[11] & 0x3f) == ATTRIBUTE_LONG) {
			take_long_part(&longer, raw);
			continue;
		}
		if (raw[11] & ATTRIBUTE_VOLUME) {
			longer.valid = false;
			continue;
		}
		*ret = (struct fat_place){0};
		short_name(raw, ret_short);
		ret->info = *ret_short;
		if (longer.valid && longer.checksum == short_checksum(raw)) {
			memcpy(ret->info.name, longer.text, sizeof(longer.text));
			ret->info.ascii = longer.ascii;
		}
		ret->info.folder = raw[11] & ATTRIBUTE_FOLDER;
		ret->info.read_only = raw[11] & ATTRIBUTE_READ_ONLY;
		ret->cluster = raw[26] | (uint32_t)raw[27] << 8 | (uint32_t)raw[20] << 16 |
		               (uint32_t)raw[21] << 24;
		ret->info.size = raw[28] | (uint32_t)raw[29] << 8 | (uint32_t)raw[30] << 16 |
		                 (uint32_t)raw[31] << 24;
		*at += ENTRY_SIZE;
		return true;
	}
	return false;
}

static bool find_in(const struct bytes folder, const char *name, struct fat_place *ret)
{
	struct fat_entry shorter = {0};

	for (size_t at = 0; next_entry(folder, &at, ret, &shorter);) {
		if (strcasecmp(ret->info.name, name) == 0 || strcasecmp(shorter.name, name) == 0)
			return true;
	}
	return false;
}

int fat_find(const struct fat *f, const char *path, struct fat_place *ret, struct err *e)
{
	struct bytes folder;
	int r = read_root(f, &folder, e);

	while (r == 0) {
		size_t length = strcspn(path, "/");
		char name[FAT_NAME_MAX];
		bool found;

		if (length >= sizeof(name)) {
			bytes_free(&folder);
			return -ENOENT;
		}
		memcpy(name, path, length);
		name[length] = '\0';
		found = find_in(folder, name, ret);
		bytes_free(&folder);
		path += length;
		if (!found || (*path && !ret->info.folder))
			return -ENOENT;
		if (!*path)
			return 0;
		path++;
		if (f->bits != 32)
			ret->cluster &= 0xffff;
		r = read_folder(f, ret->cluster, &folder, e);
	}
	return r;
}

int fat_exists(const struct fat *f, const char *path, struct err *e)
{
	struct fat_place found;
	int r = fat_find(f, path, &found, e);

	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

int fat_stat(const struct fat *f, const char *path, struct fat_entry *ret, struct err *e)
{
	struct fat_place found;
	int r = fat_find(f, path, &found, e);

	if (r == -ENOENT)
		return err_set(e, r, "FAT: no file %s", path);
	if (r == 0)
		*ret = found.info;
	return r;
}

/* The bytes of a folder that is not the root. */
static int open_folder(const struct fat *f, const char *path, struct bytes *ret, struct err *e)
{
	struct fat_place folder;
	int r = fat_find(f, path, &folder, e);

	if (r == -ENOENT || (r == 0 && !folder.info.folder))
		return err_set(e, -ENOENT, "FAT: no folder %s", path);
	if (r < 0)
		return r;
	if (f->bits != 32)
		folder.cluster &= 0xffff;
	return read_folder(f, folder.cluster, ret, e);
}

int fat_list(const struct fat *f, const char *path, struct fat_entry **ret, size_t *ret_count,
             struct err *e)
{
	_cleanup_(bytes_free) struct bytes folder = {NULL, 0};
	_cleanup_(freep) struct fat_entry *list = NULL;
	struct fat_entry shorter = {0};
	struct fat_place entry;
	size_t count = 0;
	int r = open_folder(f, path, &folder, e);

	if (r < 0)
		return r;
	for (size_t at = 0; next_entry(folder, &at, &entry, &shorter);) {
		struct fat_entry *grown;

		if (strcmp(entry.info.name, ".") == 0 || strcmp(entry.info.name, "..") == 0)
			continue;
		grown = reallocarray(list, count + 1, sizeof(*list));
		if (!grown)
			return err_sys(e, -ENOMEM, "FAT");
		list = grown;
		list[count++] = entry.info;
	}
	*ret = TAKE_PTR(list);
	*ret_count = count;
	return 0;
}
