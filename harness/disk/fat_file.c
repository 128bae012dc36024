/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "disk/fat_internal.h"

#define WORTH_A_VIEW (1u << 20) /* bytes */

/* ---- a file's clusters ---- */

/* How many clusters from `cluster` on, at most `max`, are one behind the other; the chain's next
 * one in *ret_next, 0 at its end. */
static int find_run(const struct fat *f, uint32_t cluster, uint32_t max, uint32_t *ret_count,
                    uint32_t *ret_next, struct err *e)
{
	uint32_t count = 0, next;
	int r;

	do {
		r = fat_next_cluster(f, cluster + count++, &next, e);
	} while (r == 0 && count < max && next == cluster + count);
	*ret_count = count;
	*ret_next = next;
	return r;
}

/* Gets `size` bytes at `at` of the disk. */
typedef int (*run_take)(void *userdata, struct disk *d, uint64_t at, uint32_t size, struct err *e);

static int each_run(const struct fat *f, const struct fat_place *file, run_take take,
                    void *userdata, struct err *e)
{
	uint32_t left = file->info.size, cluster = file->cluster;
	int r = left > 0 ? fat_check_cluster(f, cluster, e) : 0;

	while (r == 0 && left > 0) {
		uint32_t max = (left - 1) / f->cluster_size + 1, count = 1, next = 0;
		uint64_t at, n;

		if (cluster == 0)
			return err_set(e, -EBADMSG, "FAT: a file's chain is shorter than the file");
		/* What the last cluster's entry says is of no concern. */
		if (max > 1)
			r = find_run(f, cluster, max - 1, &count, &next, e);
		if (r == 0 && count == max - 1 && next == cluster + count)
			count++;
		at = f->start + f->data_at + (uint64_t)(cluster - 2) * f->cluster_size;
		n = (uint64_t)count * f->cluster_size;
		n = n < left ? n : left;
		if (r == 0)
			r = take(userdata, f->disk, at, (uint32_t)n, e);
		left -= (uint32_t)n;
		cluster = next;
	}
	return r;
}

static int read_run(void *userdata, struct disk *d, uint64_t at, uint32_t size, struct err *e)
{
	uint8_t **out = userdata;
	int r = disk_read(d, at, *out, size, e);

	*out += size;
	return r;
}

static int plan_run(void *userdata, struct disk *d, uint64_t at, uint32_t size, struct err *e)
{
	(void)e; /* whatever it is: then the file is read */
	return disk_plan(d, at, size, userdata);
}

/* ---- files ---- */

static int find_file(const struct fat *f, const char *path, size_t max, struct fat_place *ret,
                     struct err *e)
{
	int r = fat_find(f, path, ret, e);

	if (r == -ENOENT || (r == 0 && ret->info.folder))
		return err_set(e, -ENOENT, "FAT: no file %s", path);
	if (r < 0)
		return r;
	if (ret->info.size > max)
		return err_set(e, -EFBIG, "FAT: %s is larger than %zu bytes", path, max);
	/* A damaged size is not worth an allocation: no file is larger than its file system. */
	if (ret->info.size > (uint64_t)f->clusters * f->cluster_size)
		return err_set(e, -EBADMSG, "FAT: %s is larger than its file system", path);
	if (f->bits != 32)
		ret->cluster &= 0xffff;
	return 0;
}

static int read_file(const struct fat *f, const struct fat_place *file, struct bytes *ret,
                     struct err *e)
{
	_cleanup_(freep) uint8_t *data = bytes_room(file->info.size + 1u);
	uint8_t *out = data;
	int r;

	if (!data)
		return err_sys(e, -ENOMEM, "FAT");
	r = each_run(f, file, read_run, &out, e);
	if (r == 0)
		*ret = (struct bytes){TAKE_PTR(data), file->info.size};
	return r;
}

int fat_read_file(const struct fat *f, const char *path, size_t max, struct bytes *ret,
                  struct err *e)
{
	struct fat_place file = {0};
	int r = find_file(f, path, max, &file, e);

	return r < 0 ? r : read_file(f, &file, ret, e);
}

int fat_view_file(const struct fat *f, const char *path, size_t max, struct view *ret,
                  struct err *e)
{
	_cleanup_(view_plan_done) struct view_plan plan = {0};
	struct fat_place file = {0};
	struct bytes copy;
	int r = find_file(f, path, max, &file, e);

	if (r < 0)
		return r;
	if (file.info.size >= WORTH_A_VIEW && each_run(f, &file, plan_run, &plan, NULL) == 0 &&
	    disk_map(f->disk, &plan, ret) == 0)
		return 0;
	r = read_file(f, &file, &copy, e);
	if (r == 0)
		*ret = (struct view){.bytes = copy};
	return r;
}
