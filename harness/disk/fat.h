/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "disk/disk.h"
#include "format/bytes.h"

/*
 * A FAT12, FAT16 or FAT32 file system, read only (Microsoft "FAT: General Overview of On-Disk
 * Format"). Names are ASCII and compared like UEFI firmware does, without case.
 */
struct fat {
	struct disk *disk;     /* borrowed */
	uint64_t start;        /* of the partition, bytes */
	unsigned bits;         /* 12, 16 or 32 */
	uint32_t cluster_size; /* bytes */
	uint32_t clusters;     /* numbered from 2 */
	uint64_t table_at;     /* bytes from `start` */
	uint64_t root_at;      /* FAT12 and FAT16: bytes from `start` */
	uint32_t root_size;    /* bytes, the same */
	uint32_t root_cluster; /* FAT32 */
	uint64_t data_at;      /* cluster 2: bytes from `start` */
};

/* -EBADMSG when the partition holds none, with the offset in it. */
int fat_open(struct disk *d, uint64_t start, uint64_t size, struct fat *ret, struct err *e);

/* A whole file by its path, like "EFI/BOOT/BOOTX64.EFI". -ENOENT; -EFBIG beyond `max` bytes. The
 * bytes are the caller's to free. */
int fat_read_file(const struct fat *f, const char *path, size_t max, struct bytes *ret,
                  struct err *e);

/* The same without a copy where the image has the bytes as they are. */
int fat_view_file(const struct fat *f, const char *path, size_t max, struct view *ret,
                  struct err *e);

/* Whether a file or folder of that name is there: 1, 0 or -errno. */
int fat_exists(const struct fat *f, const char *path, struct err *e);

#define FAT_NAME_MAX 260 /* 20 long-name entries of 13 */

struct fat_entry {
	char name[FAT_NAME_MAX + 1]; /* as firmware gives it; what is not ASCII is '?' */
	bool ascii;                  /* all of the name is */
	bool folder;
	bool read_only;
	uint32_t size; /* bytes */
};

/* What is in a folder, in its order, without "." and ".."; the caller frees *ret. -ENOENT. */
int fat_list(const struct fat *f, const char *path, struct fat_entry **ret, size_t *ret_count,
             struct err *e);
/* One file or folder: -ENOENT. */
int fat_stat(const struct fat *f, const char *path, struct fat_entry *ret, struct err *e);
