/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "disk/internal.h"

#define SMALL 16 /* bytes */

static int read_fd(int fd, uint64_t offset, uint8_t *out, size_t size)
{
	while (size > 0) {
		ssize_t n = pread(fd, out, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		out += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

int disk_file_read(struct disk *d, uint64_t offset, void *out, size_t size, struct err *e)
{
	int r;

	if (offset > d->file_size || size > d->file_size - offset)
		return err_set(e, -EBADMSG, "disk image: truncated at byte %" PRIu64, d->file_size);
	if (d->fd < 0) {
		memcpy(out, d->memory.data + offset, size);
		return 0;
	}
	r = read_fd(d->fd, offset, out, size);
	return r < 0 ? err_sys(e, r, "disk image") : 0;
}

static int read_any(struct disk *d, uint64_t offset, void *out, size_t size, struct err *e)
{
	return d->qcow2 ? qcow2_read(d, offset, out, size, e)
	                : disk_file_read(d, offset, out, size, e);
}

/* A few bytes, as of a table that is followed entry by entry: their block is kept for the next. */
static int read_small(struct disk *d, uint64_t offset, void *out, size_t size, struct err *e)
{
	uint64_t at = offset / sizeof(d->small) * sizeof(d->small), left = d->size - at;
	int r = 0;

	if (offset + size > at + sizeof(d->small))
		return read_any(d, offset, out, size, e);
	if (!d->small_kept || d->small_at != at) {
		d->small_kept = false;
		r = read_any(d, at, d->small, left < sizeof(d->small) ? left : sizeof(d->small), e);
	}
	if (r < 0)
		return r;
	d->small_kept = true;
	d->small_at = at;
	memcpy(out, d->small + (offset - at), size);
	return 0;
}

int disk_read(struct disk *d, uint64_t offset, void *out, size_t size, struct err *e)
{
	if (offset > d->size || size > d->size - offset)
		return err_set(e, -EBADMSG,
		               "disk: bytes from %" PRIu64 " are beyond its end at %" PRIu64,
		               offset, d->size);
	if (size == 0)
		return 0;
	return size <= SMALL ? read_small(d, offset, out, size, e)
	                     : read_any(d, offset, out, size, e);
}

int disk_plan(struct disk *d, uint64_t offset, uint64_t size, struct view_plan *p)
{
	if (offset > d->size || size > d->size - offset)
		return -EBADMSG;
	return d->qcow2 ? qcow2_plan(d, offset, size, p) : view_plan_add(p, offset, size);
}

int disk_map(struct disk *d, const struct view_plan *p, struct view *ret)
{
	return d->fd < 0 ? -ENOTSUP : view_map(d->fd, p, ret);
}

/* Takes over `fd`, also on failure. */
static int open_any(int fd, struct bytes memory, uint64_t file_size, struct disk **ret,
                    struct err *e)
{
	struct disk *d = malloc(sizeof(*d));
	uint8_t magic[4] = {0};
	int r = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return err_sys(e, -ENOMEM, "disk image");
	}
	*d = (struct disk){.fd = fd, .memory = memory, .file_size = file_size, .size = file_size};
	if (file_size >= sizeof(magic))
		r = disk_file_read(d, 0, magic, sizeof(magic), e);
	if (r == 0 && memcmp(magic, "QFI\xfb", sizeof(magic)) == 0)
		r = qcow2_open(d, &d->qcow2, &d->size, e);
	if (r < 0)
		disk_free(d);
	else
		*ret = d;
	return r;
}

int disk_open(const char *path, struct disk **ret, struct err *e)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	off_t size;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "%s", path);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, -EINVAL, "%s: neither a file nor a disk", path);
	size = lseek(fd, 0, SEEK_END); /* st_size is 0 for a block device */
	if (size < 0)
		return err_sys(e, -errno, "%s", path);
	return open_any(TAKE_FD(fd), (struct bytes){NULL, 0}, (uint64_t)size, ret, e);
}

int disk_open_memory(struct bytes image, struct disk **ret, struct err *e)
{
	return open_any(-1, image, image.size, ret, e);
}

void disk_free(struct disk *d)
{
	if (!d)
		return;
	qcow2_free(d->qcow2);
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}

uint64_t disk_size(const struct disk *d)
{
	return d->size;
}

bool disk_is_qcow2(const struct disk *d)
{
	return d->qcow2 != NULL;
}
