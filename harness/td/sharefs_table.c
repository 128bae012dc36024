/* SPDX-License-Identifier: Apache-2.0 */
#include "td/sharefs_table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/cleanup.h"

#define NOBODY 65534

/* ---- files that the guest knows ---- */

static int compare(const void *a, const void *b)
{
	const struct share_node *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

struct share_node *share_node_find(struct sharefs *s, uint64_t id)
{
	return id > 0 && id <= s->nodes ? s->node[id - 1] : NULL;
}

/* The first free ID; the tables grow twofold. */
static int take_id(struct sharefs *s, uint64_t *ret)
{
	struct share_node **more;
	size_t i = s->taken;

	while (i < s->nodes && s->node[i])
		i++;
	if (i == SHAREFS_NODES_MAX)
		return -ENFILE;
	if (i == s->room) {
		more = realloc(s->node, (s->room ? 2 * s->room : 64) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->node = more;
		s->room = s->room ? 2 * s->room : 64;
	}
	if (i == s->nodes)
		s->node[s->nodes++] = NULL;
	s->taken = i;
	*ret = i + 1;
	return 0;
}

static int add(struct sharefs *s, int fd, const struct stat *st, struct share_node **ret)
{
	struct share_node *n = calloc(1, sizeof(*n));
	int r = n ? take_id(s, &n->id) : -ENOMEM;

	if (r == 0) {
		n->dev = st->st_dev;
		n->ino = st->st_ino;
		n->type = st->st_mode & S_IFMT;
		n->fd = fd;
		r = tsearch(n, &s->by_file, compare) ? 0 : -ENOMEM;
	}
	if (r < 0) {
		free(n);
		return r;
	}
	s->node[n->id - 1] = n;
	*ret = n;
	return 0;
}

/* A bind mount has its folder's device number: only the kernel can tell that it is one. */
static int open_name(int folder, const char *name)
{
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
	                       .resolve = RESOLVE_NO_XDEV | RESOLVE_BENEATH};

	return (int)syscall(SYS_openat2, folder, name, &how, sizeof(how));
}

int sharefs_possible(int root)
{
	_cleanup_(closep) int fd = open_name(root, ".");

	return fd < 0 ? -errno : 0;
}

int share_node_look_up(struct sharefs *s, const struct share_node *folder, const char *name,
                       struct share_node **ret)
{
	_cleanup_(closep) int fd = open_name(folder->fd, name);
	struct share_node key, *n, **found;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	key.dev = st.st_dev;
	key.ino = st.st_ino;
	found = tfind(&key, &s->by_file, compare);
	if (found) {
		n = *found;
	} else {
		r = add(s, fd, &st, &n);
		if (r < 0)
			return r;
		fd = -1;
	}
	n->lookups++;
	*ret = n;
	return 0;
}

static void drop(struct sharefs *s, struct share_node *n)
{
	tdelete(n, &s->by_file, compare);
	s->node[n->id - 1] = NULL;
	if (n->id - 1 < s->taken)
		s->taken = n->id - 1;
	close(n->fd);
	free(n);
}

void share_node_forget(struct sharefs *s, uint64_t id, uint64_t lookups)
{
	struct share_node *n = share_node_find(s, id);

	if (!n || id == FUSE_ROOT_ID)
		return;
	n->lookups -= lookups < n->lookups ? lookups : n->lookups;
	if (n->lookups == 0)
		drop(s, n);
}

/* ---- files that it has open ---- */

int share_handle_new(struct sharefs *s, int fd, DIR *dir, uint64_t *ret)
{
	for (size_t i = 0; i < SHAREFS_OPEN_MAX; i++) {
		if (s->handle[i].fd < 0) {
			s->handle[i] = (struct share_handle){.fd = fd, .dir = dir};
			*ret = i;
			return 0;
		}
	}
	if (dir)
		closedir(dir);
	else
		close(fd);
	return -ENFILE;
}

struct share_handle *share_handle_find(struct sharefs *s, uint64_t id)
{
	return id < SHAREFS_OPEN_MAX && s->handle[id].fd >= 0 ? &s->handle[id] : NULL;
}

void share_handle_close(struct share_handle *h)
{
	if (h->dir)
		closedir(h->dir);
	else if (h->fd >= 0)
		close(h->fd);
	*h = (struct share_handle){.fd = -1};
}

void share_table_done(struct sharefs *s)
{
	for (size_t i = 0; i < SHAREFS_OPEN_MAX; i++)
		share_handle_close(&s->handle[i]);
	for (size_t i = 0; i < s->nodes; i++) {
		if (s->node[i])
			drop(s, s->node[i]);
	}
	free(s->node);
	s->node = NULL;
	s->nodes = s->room = 0;
}

int sharefs_new(int root, bool read_only, struct sharefs **ret, struct err *e)
{
	struct sharefs *s = calloc(1, sizeof(*s));
	struct share_node *n;
	struct stat st;
	int r = s ? 0 : err_nomem(e);

	if (r < 0)
		return r;
	*s = (struct sharefs){.read_only = read_only, .uid = geteuid(), .gid = getegid()};
	for (size_t i = 0; i < SHAREFS_OPEN_MAX; i++)
		s->handle[i].fd = -1;
	s->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->proc < 0 || fstat(root, &st) < 0)
		r = err_sys(e, -errno, "/proc/self/fd");
	else if ((r = add(s, root, &st, &n)) < 0)
		err_nomem(e);
	if (r < 0) {
		sharefs_free(s);
		return r;
	}
	n->lookups = 1;
	*ret = s;
	return 0;
}

void sharefs_free(struct sharefs *s)
{
	if (!s)
		return;
	share_table_done(s);
	closep(&s->proc);
	free(s);
}

/* ---- what the operations share ---- */

int share_node_open(const struct sharefs *s, const struct share_node *n, int flags)
{
	char number[16];
	int fd;

	if (n->type != S_IFREG && n->type != S_IFDIR)
		return -EACCES;
	snprintf(number, sizeof(number), "%d", n->fd);
	fd = openat(s->proc, number, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

void share_attributes(const struct sharefs *s, const struct stat *st, struct fuse_attr *ret)
{
	*ret = (struct fuse_attr){
	        .ino = st->st_ino,
	        .size = (uint64_t)st->st_size,
	        .blocks = (uint64_t)st->st_blocks,
	        .atime = (uint64_t)st->st_atim.tv_sec,
	        .mtime = (uint64_t)st->st_mtim.tv_sec,
	        .ctime = (uint64_t)st->st_ctim.tv_sec,
	        .atimensec = (uint32_t)st->st_atim.tv_nsec,
	        .mtimensec = (uint32_t)st->st_mtim.tv_nsec,
	        .ctimensec = (uint32_t)st->st_ctim.tv_nsec,
	        .mode = st->st_mode & ~(mode_t)(S_ISUID | S_ISGID),
	        .nlink = (uint32_t)st->st_nlink,
	        .uid = st->st_uid == s->uid ? 0 : NOBODY,
	        .gid = st->st_gid == s->gid ? 0 : NOBODY,
	        .blksize = (uint32_t)st->st_blksize,
	};
}

const char *share_call_text(struct share_call *c)
{
	const uint8_t *text = c->in.data + c->in.pos, *end;

	end = reader_left(&c->in) ? memchr(text, 0, reader_left(&c->in)) : NULL;
	if (!reader_ok(&c->in) || !end)
		return NULL;
	return (const char *)reader_bytes(&c->in, (size_t)(end - text) + 1);
}

const char *share_call_name(struct share_call *c)
{
	const char *name = share_call_text(c);

	if (!name || !*name || strlen(name) > NAME_MAX || strchr(name, '/') ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return NULL;
	return name;
}

int share_call_put(struct share_call *c, const void *data, size_t size)
{
	if (size > SHAREFS_MESSAGE_MAX - sizeof(struct fuse_out_header) - c->size)
		return -EIO;
	memcpy(c->out + c->size, data, size);
	c->size += size;
	return 0;
}

int share_call_entry(struct share_call *c, const struct share_node *folder, const char *name,
                     struct share_node **ret)
{
	struct fuse_entry_out entry = {.entry_valid = 1, .attr_valid = 1};
	struct share_node *n = NULL;
	struct stat st;
	int r = share_node_look_up(c->fs, folder, name, &n);

	if (r < 0)
		return r;
	if (fstat(n->fd, &st) < 0) {
		r = -errno;
		share_node_forget(c->fs, n->id, 1);
		return r;
	}
	entry.nodeid = n->id;
	share_attributes(c->fs, &st, &entry.attr);
	if (ret)
		*ret = n;
	return share_call_put(c, &entry, sizeof(entry));
}
