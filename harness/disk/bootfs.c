/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/bootfs.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/cleanup.h"
#include "core/file.h"

void bootfs_init(struct bootfs *b, struct disk *d, const struct gpt *gpt)
{
	memset(b, 0, sizeof(*b));
	b->disk = d;
	b->gpt = gpt;
}

void bootfs_done(struct bootfs *b)
{
	for (unsigned i = 0; i < GPT_PARTITIONS_MAX; i++)
		ext_free(b->volume[i].ext);
}

/* An ext file system that is damaged is an error; what is neither of the two kinds is unknown. */
static int open_volume(struct bootfs *b, unsigned i, struct err *e)
{
	const struct gpt_partition *p = &b->gpt->partition[i];
	int r;

	if (b->volume[i].type != BOOTFS_UNTRIED)
		return 0;
	r = ext_open(b->disk, p->start, p->size, &b->volume[i].ext, e);
	if (r == 0)
		b->volume[i].type = BOOTFS_EXT;
	else if (r != -ENODATA && r != -ENOTSUP)
		return r;
	else if (fat_open(b->disk, p->start, p->size, &b->volume[i].fat, NULL) == 0)
		b->volume[i].type = BOOTFS_FAT;
	else
		b->volume[i].type = BOOTFS_UNKNOWN;
	return 0;
}

static int find(struct bootfs *b, unsigned number, unsigned *ret, struct err *e)
{
	for (unsigned i = 0; i < b->gpt->partitions; i++) {
		if (b->gpt->partition[i].number != number)
			continue;
		*ret = i;
		return open_volume(b, i, e);
	}
	return err_set(e, -ENOENT, "there is no partition %u", number);
}

static int no_reader(unsigned number, struct err *e)
{
	return err_set(e, -ENOTSUP, "partition %u is neither FAT nor ext4", number);
}

int bootfs_read(struct bootfs *b, unsigned number, const char *path, size_t max, struct bytes *ret,
                struct err *e)
{
	unsigned i = 0;
	int r = find(b, number, &i, e);

	if (r < 0)
		return r;
	if (b->volume[i].type == BOOTFS_EXT)
		return ext_read_file(b->volume[i].ext, path, max, ret, e);
	if (b->volume[i].type == BOOTFS_FAT)
		return fat_read_file(&b->volume[i].fat, path + strspn(path, "/"), max, ret, e);
	return no_reader(number, e);
}

/* What a view is poured into. */
struct stream {
	confined_take take;
	void *userdata;
	struct err *e;
	int code; /* of the first failure */
};

static void take_part(void *userdata, const void *data, size_t size)
{
	struct stream *s = userdata;

	if (s->code == 0)
		s->code = s->take(s->userdata, data, size, s->e);
}

int bootfs_stream(struct bootfs *b, unsigned number, const char *path, size_t max,
                  confined_take take, void *userdata, struct err *e)
{
	_cleanup_(view_done) struct view file = {0};
	struct stream s = {take, userdata, e, 0};
	unsigned i = 0;
	int r = find(b, number, &i, e);

	if (r == 0 && b->volume[i].type == BOOTFS_EXT)
		return ext_stream_file(b->volume[i].ext, path, max, take, userdata, e);
	if (r == 0 && b->volume[i].type != BOOTFS_FAT)
		return no_reader(number, e);
	if (r == 0)
		r = fat_view_file(&b->volume[i].fat, path + strspn(path, "/"), max, &file, e);
	if (r < 0)
		return r;
	view_pour(&file, file.bytes, take_part, &s);
	return s.code;
}

int bootfs_kind(struct bootfs *b, unsigned number, const char *path, enum ext_kind *ret,
                struct err *e)
{
	struct bytes unused = {NULL, 0};
	unsigned i = 0;
	int r = find(b, number, &i, e);

	if (r == -ENOENT) {
		*ret = EXT_NOTHING;
		return 0;
	}
	if (r < 0)
		return r;
	if (b->volume[i].type == BOOTFS_EXT)
		return ext_kind(b->volume[i].ext, path, ret, e);
	if (b->volume[i].type == BOOTFS_UNKNOWN)
		return no_reader(number, e);
	path += strspn(path, "/");
	r = fat_exists(&b->volume[i].fat, path, e);
	if (r <= 0) {
		*ret = EXT_NOTHING;
		return r;
	}
	/* A folder cannot be read: nothing is, of at most 0 bytes. */
	r = fat_read_file(&b->volume[i].fat, path, 0, &unused, e);
	bytes_free(&unused);
	*ret = r == -ENOENT ? EXT_OTHER : EXT_FILE;
	return r == -ENOENT || r == -EFBIG ? 0 : r;
}

int bootfs_find_uuid(struct bootfs *b, const char *uuid, unsigned *ret, struct err *e)
{
	unsigned found = 0;
	bool unknown = strlen(uuid) != 36; /* a FAT one, or another kind's */

	for (unsigned i = 0; i < b->gpt->partitions; i++) {
		char own[37];
		int r = open_volume(b, i, e);

		if (r < 0)
			return r;
		unknown |= b->volume[i].type == BOOTFS_UNKNOWN;
		if (b->volume[i].type != BOOTFS_EXT)
			continue;
		ext_uuid(b->volume[i].ext, own);
		if (strcasecmp(own, uuid) != 0)
			continue;
		if (found)
			return err_set(e, -ENOTSUP, "two file systems have this UUID");
		found = b->gpt->partition[i].number;
	}
	if (!found && unknown)
		return err_set(e, -ENOTSUP, "whether a file system has this UUID cannot be told");
	*ret = found;
	return 0;
}

bool bootfs_has_unknown(const struct bootfs *b)
{
	for (unsigned i = 0; i < b->gpt->partitions; i++) {
		if (b->volume[i].type == BOOTFS_UNKNOWN)
			return true;
	}
	return false;
}
