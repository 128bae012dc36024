/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/ext_library.h"

#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <stdlib.h>
#include <string.h>

#include "core/library.h"

/* What GRUB 2.12 reads or may ignore: its fs/ext2.c. */
#define INCOMPAT_READ                                                                              \
	(EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS |                          \
	 EXT4_FEATURE_INCOMPAT_FLEX_BG | EXT2_FEATURE_INCOMPAT_META_BG |                           \
	 EXT4_FEATURE_INCOMPAT_64BIT | EXT3_FEATURE_INCOMPAT_RECOVER | EXT4_FEATURE_INCOMPAT_MMP | \
	 EXT4_FEATURE_INCOMPAT_CSUM_SEED | EXT4_FEATURE_INCOMPAT_LARGEDIR)

#define EXT_API(X, api)             \
	X(api, ext2fs_open2)        \
	X(api, ext2fs_namei_follow) \
	X(api, ext2fs_read_inode)   \
	X(api, ext2fs_bmap2)

struct ext_api {
	EXT_API(LIBRARY_MEMBER, struct ext_api)
};

struct ext_library {
	struct ext_api api;
	struct disk *disk;
	uint64_t start, size; /* bytes of the partition */
	ext2_filsys fs;
};

/* ---- how the library reads: from our disk, and it never writes ---- */

/* The library hands its opener a name and nothing else. */
static _Thread_local struct ext_library *opening;

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
	const struct ext_library *x = channel->private_data;
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
	channel->block_size = SUPERBLOCK_OFFSET;
	channel->refcount = 1;
	channel->private_data = opening;
	if (!channel->name) {
		free(channel);
		return EXT2_ET_NO_MEMORY;
	}
	*ret = channel;
	return 0;
}

/* ---- in the caller: the library is loaded before its process is confined ---- */

static int load(struct ext_library *x, struct err *e)
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

int ext_library_new(struct disk *d, uint64_t start, uint64_t size, struct ext_library **ret,
                    struct err *e)
{
	struct ext_library *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return err_nomem(e);
	x->disk = d;
	x->start = start;
	x->size = size;
	r = load(x, e);
	if (r < 0)
		free(x);
	else
		*ret = x;
	return r;
}

void ext_library_free(struct ext_library *x)
{
	free(x);
}

/* ---- in the child ---- */

static int open_fs(struct ext_library *x, struct err *e)
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

static int find(struct ext_library *x, const char *path, ext2_ino_t *ret_number,
                struct ext2_inode *ret, struct err *e)
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

static int tell_kind(struct ext_library *x, struct confined *c, const char *path, struct err *e)
{
	struct ext2_inode inode;
	ext2_ino_t number;
	int r = find(x, path, &number, &inode, e);
	uint8_t kind = EXT_NOTHING;

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0)
		kind = LINUX_S_ISREG(inode.i_mode) ? EXT_FILE : EXT_OTHER;
	confined_write(c, &kind, 1);
	return 0;
}

/* A regular file being sent. */
struct content {
	ext2_ino_t number;
	struct ext2_inode inode;
};

/* How many blocks from `block` on, at most `max`, are one behind the other on the disk, at *ret_at;
 * 0 there means zeros. Negative where the file is damaged. */
static int find_run(struct ext_library *x, struct content *f, blk64_t block, int max,
                    blk64_t *ret_at)
{
	int count = 0;

	for (; count < max; count++) {
		blk64_t at = 0;
		int flags = 0;

		if (x->api.ext2fs_bmap2(x->fs, f->number, &f->inode, NULL, 0,
		                        block + (blk64_t)count, &flags, &at) != 0)
			return -EBADMSG;
		if (flags & BMAP_RET_UNINIT)
			at = 0; /* set aside, never written */
		if (count == 0)
			*ret_at = at;
		else if (at != (*ret_at ? *ret_at + (blk64_t)count : 0))
			break;
	}
	return count;
}

/* By runs of blocks: the library's own way reads them one by one. */
static int send_content(struct ext_library *x, struct confined *c, struct content *f)
{
	uint64_t size = EXT2_I_SIZE(&f->inode);
	const unsigned unit = x->fs->blocksize;
	uint8_t *data = confined_buffer(c);
	blk64_t block = 0, at = 0;

	while (size > 0) {
		uint64_t most = size < CONFINED_PART ? size : CONFINED_PART, n;
		int run = find_run(x, f, block, (int)((most + unit - 1) / unit), &at);

		if (run <= 0)
			return -EBADMSG;
		n = (uint64_t)run * unit;
		if (at == 0)
			memset(data, 0, n);
		else if (io_read(x->fs->io, at, run, data) != 0)
			return -EBADMSG;
		n = n < size ? n : size;
		confined_write(c, data, n);
		size -= n;
		block += (blk64_t)run;
	}
	return 0;
}

static int send_file(struct ext_library *x, struct confined *c, const char *path, uint64_t max,
                     struct err *e)
{
	struct content f;
	int r = find(x, path, &f.number, &f.inode, e);

	if (r < 0)
		return r;
	if (!LINUX_S_ISREG(f.inode.i_mode))
		return err_set(e, -ENOENT, "%.300s: no regular file", path);
	if (EXT2_I_SIZE(&f.inode) > max)
		return err_set(e, -EFBIG, "%.300s: larger than %llu bytes", path,
		               (unsigned long long)max);
	r = send_content(x, c, &f);
	return r < 0 ? err_set(e, r, "ext4: %.300s: damaged", path) : 0;
}

int ext_library_serve(void *userdata, struct confined *c, struct bytes request, struct err *e)
{
	struct ext_library *x = userdata;
	struct ext_request q = {.what = 0};
	int r = 0;

	memcpy(&q, request.data, request.size < sizeof(q) ? request.size : sizeof(q));
	q.path[sizeof(q.path) - 1] = '\0';
	if (!x->fs)
		r = open_fs(x, e);
	if (r < 0)
		return r;
	switch (q.what) {
	case EXT_ASK_UUID:
		confined_write(c, x->fs->super->s_uuid, EXT_UUID_SIZE);
		return 0;
	case EXT_ASK_KIND:
		return tell_kind(x, c, q.path, e);
	case EXT_ASK_FILE:
		return send_file(x, c, q.path, q.max, e);
	}
	return err_set(e, -EINVAL, "ext4: no such request");
}
