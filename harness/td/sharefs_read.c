/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest may ask of a share that changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "td/sharefs_table.h"

#define ALIGN8(n) (((n) + 7) & ~(size_t)7)

int share_look_up(struct share_call *c)
{
	const char *name = share_call_name(c);

	return name ? share_call_entry(c, c->node, name, NULL) : -ENOENT;
}

int share_getattr(struct share_call *c)
{
	struct fuse_attr_out answer = {.attr_valid = 1};
	struct stat st;

	if (fstat(c->node->fd, &st) < 0)
		return -errno;
	share_attributes(c->fs, &st, &answer.attr);
	return share_call_put(c, &answer, sizeof(answer));
}

int share_readlink(struct share_call *c)
{
	char target[PATH_MAX];
	ssize_t n;

	if (c->node->type != S_IFLNK)
		return -EINVAL;
	n = readlinkat(c->node->fd, "", target, sizeof(target));
	return n < 0 ? -errno : share_call_put(c, target, (size_t)n);
}

static int open_flags(const struct sharefs *s, uint32_t wanted, int *ret)
{
	int access = (int)wanted & O_ACCMODE, more = (int)wanted & O_TRUNC;

	if (access == O_ACCMODE)
		return -EINVAL;
	if (s->read_only && (access != O_RDONLY || more))
		return -EROFS;
	*ret = access | more;
	return 0;
}

int share_open(struct share_call *c)
{
	struct fuse_open_out answer = {0};
	int flags, r = open_flags(c->fs, reader_u32(&c->in), &flags);

	reader_u32(&c->in);
	if (!reader_ok(&c->in))
		return -EINVAL;
	if (r == 0 && c->node->type != S_IFREG)
		r = -EACCES;
	if (r == 0)
		r = share_node_open(c->fs, c->node, flags);
	if (r >= 0)
		r = share_handle_new(c->fs, r, NULL, &answer.fh);
	return r < 0 ? r : share_call_put(c, &answer, sizeof(answer));
}

int share_opendir(struct share_call *c)
{
	struct fuse_open_out answer = {0};
	int r = share_node_open(c->fs, c->node, O_RDONLY | O_DIRECTORY);
	DIR *dir;

	if (r < 0)
		return r;
	dir = fdopendir(r);
	if (!dir) {
		close(r);
		return -ENOMEM;
	}
	r = share_handle_new(c->fs, r, dir, &answer.fh);
	return r < 0 ? r : share_call_put(c, &answer, sizeof(answer));
}

/* struct fuse_read_in, which READDIR has too: handle, offset, size. */
static struct share_handle *read_in(struct share_call *c, uint64_t *offset, size_t *size)
{
	struct share_handle *h = share_handle_find(c->fs, reader_u64(&c->in));
	size_t most = SHAREFS_DATA_MAX;

	*offset = reader_u64(&c->in);
	*size = reader_u32(&c->in);
	if (*size > most)
		*size = most;
	return reader_ok(&c->in) && *offset <= INT64_MAX ? h : NULL;
}

int share_read(struct share_call *c)
{
	uint64_t offset;
	size_t size;
	struct share_handle *h = read_in(c, &offset, &size);
	ssize_t n;

	if (!h || h->dir)
		return -EBADF;
	n = pread(h->fd, c->out, size, (off_t)offset);
	if (n < 0)
		return -errno;
	c->size = (size_t)n;
	return 0;
}

int share_readdir(struct share_call *c)
{
	uint64_t offset;
	size_t size;
	struct share_handle *h = read_in(c, &offset, &size);
	struct dirent *d;

	if (!h || !h->dir)
		return -EBADF;
	seekdir(h->dir, (long)offset);
	while ((errno = 0, d = readdir(h->dir)) != NULL) {
		size_t length = strlen(d->d_name);
		struct fuse_dirent entry = {.ino = d->d_ino,
		                            .off = (uint64_t)d->d_off,
		                            .namelen = (uint32_t)length,
		                            .type = d->d_type};
		static const char zeros[8];
		size_t all = FUSE_NAME_OFFSET + length;

		if (c->size + ALIGN8(all) > size)
			return 0;
		share_call_put(c, &entry, FUSE_NAME_OFFSET);
		share_call_put(c, d->d_name, length);
		share_call_put(c, zeros, ALIGN8(all) - all);
	}
	return errno ? -errno : 0;
}

int share_release(struct share_call *c)
{
	struct share_handle *h = share_handle_find(c->fs, reader_u64(&c->in));

	if (!h || !reader_ok(&c->in))
		return -EBADF;
	share_handle_close(h);
	return 0;
}

int share_statfs(struct share_call *c)
{
	struct fuse_statfs_out answer = {0};
	struct statvfs v;

	if (fstatvfs(c->node->fd, &v) < 0)
		return -errno;
	answer.st = (struct fuse_kstatfs){.blocks = v.f_blocks,
	                                  .bfree = v.f_bfree,
	                                  .bavail = v.f_bavail,
	                                  .files = v.f_files,
	                                  .ffree = v.f_ffree,
	                                  .bsize = (uint32_t)v.f_bsize,
	                                  .namelen = (uint32_t)v.f_namemax,
	                                  .frsize = (uint32_t)v.f_frsize};
	return share_call_put(c, &answer, sizeof(answer));
}
