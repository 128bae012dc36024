/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest may change in a share, unless it may only read. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "td/sharefs_table.h"

#define MODE 0777 /* no set-user-ID: the file would run as its owner here */

static const char *proc_path(const struct share_node *n, char out[40])
{
	snprintf(out, 40, "/proc/self/fd/%d", n->fd);
	return out;
}

/* ---- attributes ---- */

struct wanted {
	uint32_t valid, mode, uid, gid;
	uint64_t handle, size;
	struct timespec time[2];
};

static void read_wanted(struct share_call *c, struct wanted *w)
{
	w->valid = reader_u32(&c->in);
	reader_u32(&c->in);
	w->handle = reader_u64(&c->in);
	w->size = reader_u64(&c->in);
	reader_u64(&c->in); /* lock owner */
	for (size_t i = 0; i < 2; i++)
		w->time[i].tv_sec = (time_t)reader_u64(&c->in);
	reader_u64(&c->in); /* ctime */
	for (size_t i = 0; i < 2; i++)
		w->time[i].tv_nsec = reader_u32(&c->in);
	reader_u32(&c->in);
	w->mode = reader_u32(&c->in);
	reader_u32(&c->in);
	w->uid = reader_u32(&c->in);
	w->gid = reader_u32(&c->in);
}

static int set_size(struct share_call *c, const struct wanted *w)
{
	struct share_handle *h = w->valid & FATTR_FH ? share_handle_find(c->fs, w->handle) : NULL;
	_cleanup_(closep) int fd = -1;

	if (w->size > INT64_MAX)
		return -EFBIG;
	if (!h) {
		fd = c->node->type == S_IFREG ? share_node_open(c->fs, c->node, O_WRONLY) : -EINVAL;
		if (fd < 0)
			return fd;
	}
	return ftruncate(h ? h->fd : fd, (off_t)w->size) < 0 ? -errno : 0;
}

static int set_times(struct share_call *c, struct wanted *w)
{
	static const struct {
		uint32_t set, now;
	} bit[2] = {{FATTR_ATIME, FATTR_ATIME_NOW}, {FATTR_MTIME, FATTR_MTIME_NOW}};
	char path[40];

	for (size_t i = 0; i < 2; i++) {
		if (!(w->valid & bit[i].set))
			w->time[i].tv_nsec = UTIME_OMIT;
		else if (w->valid & bit[i].now)
			w->time[i].tv_nsec = UTIME_NOW;
	}
	return utimensat(AT_FDCWD, proc_path(c->node, path), w->time, 0) < 0 ? -errno : 0;
}

int share_setattr(struct share_call *c)
{
	struct wanted w;
	char path[40];
	int r = 0;

	read_wanted(c, &w);
	if (!reader_ok(&c->in) || (c->node->type != S_IFREG && c->node->type != S_IFDIR))
		return -EINVAL;
	/* Who owns a file here is not the guest's to say; that root owns it there is so already. */
	if ((w.valid & FATTR_UID && w.uid) || (w.valid & FATTR_GID && w.gid))
		return -EPERM;
	if (w.valid & FATTR_MODE && chmod(proc_path(c->node, path), w.mode & MODE) < 0)
		return -errno;
	if (w.valid & FATTR_SIZE)
		r = set_size(c, &w);
	if (r == 0 && w.valid & (FATTR_ATIME | FATTR_MTIME))
		r = set_times(c, &w);
	return r < 0 ? r : share_getattr(c);
}

/* ---- new files ---- */

static int new_file(const struct share_node *folder, const char *name, uint32_t mode)
{
	int fd = openat(folder->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode & MODE);

	return fd < 0 ? -errno : fd;
}

/* struct fuse_create_in and a name. One that somebody else made meanwhile is opened as others are. */
int share_create(struct share_call *c)
{
	uint32_t flags = reader_u32(&c->in), mode = reader_u32(&c->in);
	struct fuse_open_out opened = {0};
	struct share_node *n;
	const char *name;
	int fd, r;

	reader_u64(&c->in);
	name = share_call_name(c);
	if (!name)
		return -EINVAL;
	fd = new_file(c->node, name, mode);
	if (fd < 0 && (fd != -EEXIST || flags & O_EXCL))
		return fd;
	r = share_call_entry(c, c->node, name, &n);
	if (r == 0 && fd < 0)
		fd = n->type == S_IFREG
		             ? share_node_open(c->fs, n, (int)flags & (O_ACCMODE | O_TRUNC))
		             : -EACCES;
	if (r == 0 && fd < 0) {
		share_node_forget(c->fs, n->id, 1);
		return fd;
	}
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return r;
	}
	r = share_handle_new(c->fs, fd, NULL, &opened.fh);
	if (r < 0)
		share_node_forget(c->fs, n->id, 1);
	return r < 0 ? r : share_call_put(c, &opened, sizeof(opened));
}

int share_mknod(struct share_call *c)
{
	uint32_t mode = reader_u32(&c->in);
	const char *name;
	int fd;

	reader_u32(&c->in);
	reader_u64(&c->in);
	name = share_call_name(c);
	if (!name)
		return -EINVAL;
	if ((mode & S_IFMT) != S_IFREG)
		return -EPERM;
	fd = new_file(c->node, name, mode);
	if (fd < 0)
		return fd;
	close(fd);
	return share_call_entry(c, c->node, name, NULL);
}

int share_mkdir(struct share_call *c)
{
	uint32_t mode = reader_u32(&c->in);
	const char *name;

	reader_u32(&c->in);
	name = share_call_name(c);
	if (!name)
		return -EINVAL;
	if (mkdirat(c->node->fd, name, mode & MODE) < 0)
		return -errno;
	return share_call_entry(c, c->node, name, NULL);
}

/*
 * Whether a link that says so leads nowhere but down, wherever it is put: so that no other program
 * here gets out of the folder by it.
 */
static bool leads_down(const char *target)
{
	if (*target == '/' || !*target)
		return false;
	for (const char *part = target; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2]))
			return false;
	}
	return true;
}

int share_symlink(struct share_call *c)
{
	const char *name = share_call_name(c), *target = name ? share_call_text(c) : NULL;

	if (!target)
		return -EINVAL;
	if (!leads_down(target))
		return -EPERM;
	if (symlinkat(target, c->node->fd, name) < 0)
		return -errno;
	return share_call_entry(c, c->node, name, NULL);
}

int share_link(struct share_call *c)
{
	struct share_node *n = share_node_find(c->fs, reader_u64(&c->in));
	const char *name = share_call_name(c);
	char path[40];

	if (!n || !name)
		return -EINVAL;
	if (n->type != S_IFREG)
		return -EPERM;
	if (linkat(AT_FDCWD, proc_path(n, path), c->node->fd, name, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return share_call_entry(c, c->node, name, NULL);
}

/* ---- names ---- */

int share_unlink(struct share_call *c)
{
	const char *name = share_call_name(c);

	return !name ? -EINVAL : unlinkat(c->node->fd, name, 0) < 0 ? -errno : 0;
}

int share_rmdir(struct share_call *c)
{
	const char *name = share_call_name(c);

	return !name ? -EINVAL : unlinkat(c->node->fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/*
 * Whether it may go to another folder: 0 or -errno. A link that leads up would lead elsewhere from
 * elsewhere, and so would those in a folder, which is therefore copied and not moved (-EXDEV is
 * what mv(1) copies on).
 */
static int may_move(const struct share_node *folder, const char *name)
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (fstatat(folder->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EXDEV;
	if (!S_ISLNK(st.st_mode))
		return 0;
	n = readlinkat(folder->fd, name, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = 0;
	return leads_down(target) ? 0 : -EPERM;
}

static int rename_to(struct share_call *c, struct share_node *folder, uint32_t flags)
{
	const char *from = share_call_name(c), *to = from ? share_call_name(c) : NULL;

	if (!to || !folder || flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (folder != c->node) {
		int r = may_move(c->node, from);

		if (r == 0 && flags & RENAME_EXCHANGE)
			r = may_move(folder, to);
		if (r < 0)
			return r;
	}
	return renameat2(c->node->fd, from, folder->fd, to, flags) < 0 ? -errno : 0;
}

int share_rename(struct share_call *c)
{
	return rename_to(c, share_node_find(c->fs, reader_u64(&c->in)), 0);
}

int share_rename2(struct share_call *c)
{
	struct share_node *folder = share_node_find(c->fs, reader_u64(&c->in));
	uint32_t flags = reader_u32(&c->in);

	reader_u32(&c->in);
	return rename_to(c, folder, flags);
}

/* ---- contents ---- */

int share_write(struct share_call *c)
{
	struct share_handle *h = share_handle_find(c->fs, reader_u64(&c->in));
	uint64_t offset = reader_u64(&c->in);
	uint32_t size = reader_u32(&c->in);
	struct fuse_write_out answer = {0};
	const uint8_t *data;
	ssize_t n;

	reader_skip(&c->in, sizeof(struct fuse_write_in) - 20);
	data = reader_bytes(&c->in, size);
	if (!reader_ok(&c->in) || offset > INT64_MAX)
		return -EINVAL;
	if (!h || h->dir)
		return -EBADF;
	n = pwrite(h->fd, data, size, (off_t)offset);
	if (n < 0)
		return -errno;
	answer.size = (uint32_t)n;
	return share_call_put(c, &answer, sizeof(answer));
}

int share_fsync(struct share_call *c)
{
	struct share_handle *h = share_handle_find(c->fs, reader_u64(&c->in));

	return !h ? -EBADF : fsync(h->fd) < 0 ? -errno : 0;
}
