/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "disk/ext.h"
#include "disk/fat.h"
#include "disk/gpt.h"
#include "format/bytes.h"

/*
 * The file systems of a partitioned disk as a boot loader sees them: FAT and ext2 to ext4, by the
 * partition's number. Opened when first asked for.
 */
enum bootfs_type { BOOTFS_UNTRIED, BOOTFS_FAT, BOOTFS_EXT, BOOTFS_UNKNOWN };

struct bootfs {
	struct disk *disk; /* borrowed */
	const struct gpt *gpt;
	struct {
		enum bootfs_type type;
		struct fat fat;
		struct ext *ext;
	} volume[GPT_PARTITIONS_MAX];
};

void bootfs_init(struct bootfs *b, struct disk *d, const struct gpt *gpt);
void bootfs_done(struct bootfs *b);

/* `number` counts from 1, as in "hd0,gpt2". -ENOENT when there is no such file; -ENOTSUP when the
 * partition has another file system. */
int bootfs_read(struct bootfs *b, unsigned number, const char *path, size_t max, struct bytes *ret,
                struct err *e);
/* The same in pieces. */
int bootfs_stream(struct bootfs *b, unsigned number, const char *path, size_t max,
                  confined_take take, void *userdata, struct err *e);
int bootfs_kind(struct bootfs *b, unsigned number, const char *path, enum ext_kind *ret,
                struct err *e);

/*
 * The number of the one ext file system with this UUID; 0 when there is none. -ENOTSUP when that
 * cannot be told: several have it, or another kind of file system might.
 */
int bootfs_find_uuid(struct bootfs *b, const char *uuid, unsigned *ret, struct err *e);
/* Whether a partition that was looked at has another file system. */
bool bootfs_has_unknown(const struct bootfs *b);
