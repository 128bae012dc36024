/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/ext.h"

#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/library.h"
#include "format/bytes.h"
#include "format/reader.h"

#define SUPERBLOCK_AT  1024
#define MAGIC_AT       56 /* bytes into the superblock */
#define BLOCKS_HIGH_AT 0x150
#define READ_STEP      (1u << 20)

/* What GRUB 2.12 reads or may ignore: its fs/ext2.c. */
#define INCOMPAT_READ                                                                              \
	(EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS |                          \
	 EXT4_FEATURE_INCOMPAT_FLEX_BG | EXT2_FEATURE_INCOMPAT_META_BG |                           \
	 EXT4_FEATURE_INCOMPAT_64BIT | EXT3_FEATURE_INCOMPAT_RECOVER | EXT4_FEATURE_INCOMPAT_MMP | \
	 EXT4_FEATURE_INCOMPAT_CSUM_SEED | EXT4_FEATURE_INCOMPAT_LARGEDIR)

#define EXT_API(X, api)             \
	X(api, ext2fs_open2)        \
	X(api, ext2fs_free)         \
	X(api, ext2fs_namei_follow) \
	X(api, ext2fs_read_inode)   \
	X(api, ext2fs_file_open)    \
	X(api, ext2fs_file_read)    \
	X(api, ext2fs_file_close)

struct ext_api {
	EXT_API(LIBRARY_MEMBER, struct ext_api)
};

struct ext {
	struct ext_api api;
	struct disk *disk;
	uint64_t start, size; /* bytes of the partition */
	ext2_filsys fs;
};

/* ---- how the library reads: from our disk, and it never writes ---- */

/* The library hands its opener a name and nothing else. */
static _Thread_local struct ext *opening;

static errcode_t io_open(const char *name, int flags, io_channel *ret);

static errcode_t io_close(io_channel channel)
{
	if (--channel->refcount == 0) {
		free(channel->name);
		free(channel);
	}
	return 0;
}

static errcode_t io_set_block_size(io_channel channel, int size)
{
	channel->block_size = size;
	return 0;
}

static errcode_t io_read(io_channel channel, unsigned long long block, int count, void *data)
{
	const struct ext *x = channel->private_data;
	uint64_t unit = (uint64_t)channel->block_size, at, size;

	/* A negative count is one of bytes. */
	size = count < 0 ? (uint64_t) - (int64_t)count : unit * (uint64_t)count;
	if (block > x->size / unit)
		return EXT2_ET_SHORT_READ;
	at = block * unit;
	if (size > x->size - at)
		return EXT2_ET_SHORT_READ;
	return disk_read(x->disk, x->start + at, data, size, NULL) < 0 ? EXT2_ET_SHORT_READ : 0;
}

static errcode_t io_read_short(io_channel channel, unsigned long block, int count, void *data)
{
	return io_read(channel, block, count, data);
}

static errcode_t io_write(io_channel channel, unsigned long long block, int count, const void *data)
{
	(void)channel, (void)block, (void)count, (void)data;
	return EXT2_ET_RO_FILSYS;
}

static errcode_t io_write_short(io_channel channel, unsigned long block, int count,
                                const void *data)
{
	return io_write(channel, block, count, data);
}

static errcode_t io_flush(io_channel channel)
{
	(void)channel;
	return 0;
}

static struct struct_io_manager manager = {
        .magic = EXT2_ET_MAGIC_IO_MANAGER,
        .name = "tception disk",
        .open = io_open,
        .close = io_close,
        .set_blksize = io_set_block_size,
        .read_blk = io_read_short,
        .write_blk = io_write_short,
        .flush = io_flush,
        .read_blk64 = io_read,
        .write_blk64 = io_write,
};

static errcode_t io_open(const char *name, int flags, io_channel *ret)
{
	io_channel channel = calloc(1, sizeof(*channel));

	(void)flags;
	if (!channel)
		return EXT2_ET_NO_MEMORY;
	channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	channel->manager = &manager;
	channel->name = strdup(name);
	channel->block_size = SUPERBLOCK_AT;
	channel->refcount = 1;
	channel->private_data = opening;
	if (!channel->name) {
		free(channel);
		return EXT2_ET_NO_MEMORY;
	}
	*ret = channel;
	return 0;
}

/* ---- the file system ---- */

static int load(struct ext *x, struct err *e)
{
	static const struct library_symbol symbols[] = {EXT_API(LIBRARY_SYMBOL, struct ext_api)};
	static const struct library want = {
	        .package = "libext2fs2t64 or libext2fs2",
	        .names = {"libext2fs.so.2"},
	        .symbols = symbols,
	        .symbols_count = COUNT_OF(symbols),
	};

	return library_load(&want, &x->api, e);
}

static int open_fs(struct ext *x, struct err *e)
{
	const int flags =
	        EXT2_FLAG_64BITS | EXT2_FLAG_IGNORE_CSUM_ERRORS | EXT2_FLAG_SOFTSUPP_FEATURES;
	errcode_t code;

	opening = x;
	code = x->api.ext2fs_open2("disk", NULL, flags, 0, 0, &manager, &x->fs);
	opening = NULL;
	if (code == EXT2_ET_NO_MEMORY)
		return err_sys(e, -ENOMEM, "ext4");
	if (code)
		return err_set(e, -EBADMSG, "ext4: damaged superblock or group table (%ld)",
		               (long)code);
	if (x->fs->super->s_feature_incompat & ~(uint32_t)INCOMPAT_READ)
		return err_set(e, -ENOTSUP, "ext4: features %#x, which GRUB does not read",
		               x->fs->super->s_feature_incompat & ~(uint32_t)INCOMPAT_READ);
	return 0;
}

/* Before the library believes it: it allocates by what it says. ext4's superblock: Linux'
 * Documentation/filesystems/ext4/super.rst. */
static int check_super(const uint8_t super[SUPERBLOCK_AT], uint64_t size, struct err *e)
{
	struct reader r;
	uint32_t blocks, shift, per_group;

	if (super[MAGIC_AT] != 0x53 || super[MAGIC_AT + 1] != 0xef)
		return err_set(e, -ENODATA, "ext4: no superblock");
	reader_init(&r, super, SUPERBLOCK_AT);
	reader_skip(&r, 4);
	blocks = reader_u32(&r);
	reader_skip(&r, 16);
	shift = reader_u32(&r);
	reader_skip(&r, 4);
	per_group = reader_u32(&r);
	reader_init(&r, super + BLOCKS_HIGH_AT, 4);
	if (reader_u32(&r) != 0)
		return err_set(e, -ENOTSUP, "ext4: of more than 2^32 blocks");
	if (shift > 6 || per_group < 256 || (uint64_t)blocks << (10 + shift) > size)
		return err_set(e, -EBADMSG, "ext4: bad-size in the superblock");
	return 0;
}

int ext_open(struct disk *d, uint64_t start, uint64_t size, struct ext **ret, struct err *e)
{
	uint8_t super[SUPERBLOCK_AT];
	struct ext *x;
	int r;

	if (size < 2 * SUPERBLOCK_AT)
		return err_set(e, -ENODATA, "ext4: the partition is too small");
	r = disk_read(d, start + SUPERBLOCK_AT, super, sizeof(super), e);
	if (r == 0)
		r = check_super(super, size, e);
	if (r < 0)
		return r;
	x = calloc(1, sizeof(*x));
	if (!x)
		return err_sys(e, -ENOMEM, "ext4");
	x->disk = d;
	x->start = start;
	x->size = size;
	r = load(x, e);
	if (r == 0)
		r = open_fs(x, e);
	if (r < 0)
		ext_free(x);
	else
		*ret = x;
	return r;
}

void ext_free(struct ext *x)
{
	if (!x)
		return;
	if (x->fs)
		x->api.ext2fs_free(x->fs);
	free(x);
}

void ext_uuid(const struct ext *x, char ret[37])
{
	const uint8_t *u = x->fs->super->s_uuid;

	snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	         u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
	         u[13], u[14], u[15]);
}

static int find(struct ext *x, const char *path, ext2_ino_t *ret_number, struct ext2_inode *ret,
                struct err *e)
{
	errcode_t code =
	        x->api.ext2fs_namei_follow(x->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, path, ret_number);

	if (code == 0)
		code = x->api.ext2fs_read_inode(x->fs, *ret_number, ret);
	if (code == EXT2_ET_FILE_NOT_FOUND || code == EXT2_ET_NO_DIRECTORY)
		return err_set(e, -ENOENT, "%.300s: not there", path);
	if (code)
		return err_set(e, -EBADMSG, "ext4: %.300s: damaged (%ld)", path, (long)code);
	return 0;
}

int ext_kind(struct ext *x, const char *path, enum ext_kind *ret, struct err *e)
{
	struct ext2_inode inode;
	ext2_ino_t number;
	int r = find(x, path, &number, &inode, e);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret = r < 0 ? EXT_NOTHING : LINUX_S_ISREG(inode.i_mode) ? EXT_FILE : EXT_OTHER;
	return 0;
}

static int read_whole(struct ext *x, ext2_file_t file, uint8_t *out, size_t size)
{
	size_t done = 0;

	while (done < size) {
		unsigned n = size - done < READ_STEP ? (unsigned)(size - done) : READ_STEP;
		unsigned got = 0;

		if (x->api.ext2fs_file_read(file, out + done, n, &got) != 0 || got == 0 || got > n)
			return -EBADMSG;
		done += got;
	}
	return 0;
}

int ext_read_file(struct ext *x, const char *path, size_t max, struct bytes *ret, struct err *e)
{
	_cleanup_(freep) uint8_t *data = NULL;
	struct ext2_inode inode;
	ext2_ino_t number;
	ext2_file_t file;
	errcode_t code;
	uint64_t size;
	int r = find(x, path, &number, &inode, e);

	if (r < 0)
		return r;
	if (!LINUX_S_ISREG(inode.i_mode))
		return err_set(e, -ENOENT, "%.300s: no regular file", path);
	size = EXT2_I_SIZE(&inode);
	if (size > max)
		return err_set(e, -EFBIG, "%.300s: larger than %zu bytes", path, max);
	data = malloc((size_t)size + 1);
	if (!data)
		return err_nomem(e);
	code = x->api.ext2fs_file_open(x->fs, number, 0, &file);
	if (code != 0)
		return code == EXT2_ET_NO_MEMORY
		               ? err_nomem(e)
		               : err_set(e, -EBADMSG, "ext4: %.300s: damaged", path);
	r = read_whole(x, file, data, (size_t)size);
	x->api.ext2fs_file_close(file);
	if (r < 0)
		return err_set(e, r, "ext4: %.300s: damaged", path);
	*ret = (struct bytes){TAKE_PTR(data), (size_t)size};
	return 0;
}
