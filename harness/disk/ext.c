/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/ext.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "disk/ext_library.h"
#include "disk/internal.h"
#include "format/reader.h"

#define SUPERBLOCK_AT  1024
#define MAGIC_AT       56 /* bytes into the superblock */
#define BLOCKS_HIGH_AT 0x150

#define READER_MEMORY  (256u << 20) /* bytes: tables of groups, a piece of a file */
#define READER_SECONDS 120          /* of processor time */

struct ext {
	struct ext_library *library;
	struct confined *reader;
	uint8_t uuid[EXT_UUID_SIZE];
};

/* Before the library believes it: it allocates by what it says. ext4's superblock: Linux'
 * Documentation/filesystems/ext4/super.rst. */
static int check_super(const uint8_t super[SUPERBLOCK_AT], uint64_t size, struct err *e)
{
	struct reader r;
	uint32_t blocks, shift, per_group;

	if (super[MAGIC_AT] != 0x53 || super[MAGIC_AT + 1] != 0xef)
		return err_set(e, -ENODATA, "ext4: no superblock");
	r = reader_of(super, SUPERBLOCK_AT);
	reader_skip(&r, 4);
	blocks = reader_u32(&r);
	reader_skip(&r, 16);
	shift = reader_u32(&r);
	reader_skip(&r, 4);
	per_group = reader_u32(&r);
	r = reader_of(super + BLOCKS_HIGH_AT, 4);
	if (reader_u32(&r) != 0)
		return err_set(e, -ENOTSUP, "ext4: of more than 2^32 blocks");
	if (shift > 6 || per_group < 256 || (uint64_t)blocks << (10 + shift) > size)
		return err_set(e, -EBADMSG, "ext4: bad-size in the superblock");
	return 0;
}

static int make_request(enum ext_ask what, const char *path, size_t max, struct ext_request *ret,
                        struct err *e)
{
	*ret = (struct ext_request){.what = what, .max = max};
	if (strlen(path) >= sizeof(ret->path))
		return err_set(e, -ENAMETOOLONG, "ext4: the path '%.60s...' is too long", path);
	memcpy(ret->path, path, strlen(path));
	return 0;
}

static int ask(struct ext *x, enum ext_ask what, const char *path, size_t max, struct bytes *ret,
               struct err *e)
{
	struct ext_request q;
	int r = make_request(what, path, max, &q, e);

	return r < 0 ? r
	             : confined_read(x->reader, (struct bytes){(const uint8_t *)&q, sizeof(q)}, max,
	                             ret, e);
}

static int start(struct ext *x, struct disk *d, struct err *e)
{
	const struct confined_spec spec = {
	        .what = "file system (ext4)",
	        .serve = ext_library_serve,
	        .userdata = x->library,
	        .fd = d->fd,
	        .memory = READER_MEMORY,
	        .seconds = READER_SECONDS,
	};
	_cleanup_(bytes_free) struct bytes uuid = {NULL, 0};
	int r = confined_start(&spec, &x->reader, e);

	if (r == 0)
		r = ask(x, EXT_ASK_UUID, "", sizeof(x->uuid), &uuid, e);
	if (r == 0 && uuid.size == sizeof(x->uuid))
		memcpy(x->uuid, uuid.data, uuid.size);
	return r;
}

int ext_open(struct disk *d, uint64_t start_at, uint64_t size, struct ext **ret, struct err *e)
{
	uint8_t super[SUPERBLOCK_AT];
	struct ext *x;
	int r;

	if (size < 2 * SUPERBLOCK_AT)
		return err_set(e, -ENODATA, "ext4: the partition is too small");
	r = disk_read(d, start_at + SUPERBLOCK_AT, super, sizeof(super), e);
	if (r == 0)
		r = check_super(super, size, e);
	if (r < 0)
		return r;
	x = calloc(1, sizeof(*x));
	if (!x)
		return err_nomem(e);
	r = ext_library_new(d, start_at, size, &x->library, e);
	if (r == 0)
		r = start(x, d, e);
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
	confined_end(x->reader);
	ext_library_free(x->library);
	free(x);
}

void ext_uuid(const struct ext *x, char ret[37])
{
	const uint8_t *u = x->uuid;

	snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	         u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
	         u[13], u[14], u[15]);
}

int ext_kind(struct ext *x, const char *path, enum ext_kind *ret, struct err *e)
{
	_cleanup_(bytes_free) struct bytes kind = {NULL, 0};
	int r = ask(x, EXT_ASK_KIND, path, 1, &kind, e);

	if (r < 0)
		return r;
	*ret = kind.size == 1 && kind.data[0] <= EXT_OTHER ? (enum ext_kind)kind.data[0]
	                                                   : EXT_NOTHING;
	return 0;
}

int ext_read_file(struct ext *x, const char *path, size_t max, struct bytes *ret, struct err *e)
{
	return ask(x, EXT_ASK_FILE, path, max, ret, e);
}

int ext_stream_file(struct ext *x, const char *path, size_t max, confined_take take, void *userdata,
                    struct err *e)
{
	struct ext_request q;
	int r = make_request(EXT_ASK_FILE, path, max, &q, e);

	return r < 0 ? r
	             : confined_ask(x->reader, (struct bytes){(const uint8_t *)&q, sizeof(q)}, max,
	                            take, userdata, e);
}
