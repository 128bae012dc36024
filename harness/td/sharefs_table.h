/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <dirent.h>
#include <linux/fuse.h>
#include <sys/stat.h>

#include "format/reader.h"
#include "td/sharefs.h"

/* What the parts of a share have in common: the files that the guest knows and has open. */

struct share_node {
	uint64_t id, lookups; /* as FUSE counts them */
	dev_t dev;
	ino_t ino;
	mode_t type; /* S_IFMT */
	int fd;      /* O_PATH */
};

struct share_handle {
	int fd;   /* -1: free */
	DIR *dir; /* of a folder, or NULL */
};

struct sharefs {
	bool read_only;
	int proc; /* /proc/self/fd, to open again what is known by O_PATH */
	uid_t uid;
	gid_t gid;
	struct share_node **node; /* by ID - 1; NULL: free */
	size_t nodes, room;
	size_t taken;  /* no ID up to this one is free */
	void *by_file; /* the same by device and inode, tsearch() */
	struct share_handle handle[SHAREFS_OPEN_MAX];
};

/* One message that is being answered. */
struct share_call {
	struct sharefs *fs;
	struct share_node *node; /* that it is about */
	struct reader in;        /* behind the header */
	uint8_t *out;            /* SHAREFS_MESSAGE_MAX less the header */
	size_t size;             /* of what was put there */
};

struct share_node *share_node_find(struct sharefs *s, uint64_t id);
/* The file of that name in a folder, known from now on; counts one lookup. -errno. */
int share_node_look_up(struct sharefs *s, const struct share_node *folder, const char *name,
                       struct share_node **ret);
void share_node_forget(struct sharefs *s, uint64_t id, uint64_t lookups);
/* All that the guest knew and had open. */
void share_table_done(struct sharefs *s);

/* -ENFILE; takes fd over, in any case. */
int share_handle_new(struct sharefs *s, int fd, DIR *dir, uint64_t *ret);
struct share_handle *share_handle_find(struct sharefs *s, uint64_t id);
void share_handle_close(struct share_handle *h);

/* The file or folder itself, opened: a descriptor or -errno; -EACCES for everything else. */
int share_node_open(const struct sharefs *s, const struct share_node *n, int flags);
void share_attributes(const struct sharefs *s, const struct stat *st, struct fuse_attr *ret);
/* A name behind what was read of the call, NULL where none ends there. */
const char *share_call_text(struct share_call *c);
/* The same for one in a folder: NULL for "..", for one with a slash and too long ones as well. */
const char *share_call_name(struct share_call *c);
int share_call_put(struct share_call *c, const void *data, size_t size);
/* The answer to whatever leads to a file: looks it up. */
int share_call_entry(struct share_call *c, const struct share_node *folder, const char *name,
                     struct share_node **ret);

/* sharefs_read.c and sharefs_change.c: 0 or -errno. */
typedef int (*share_op)(struct share_call *c);
int share_look_up(struct share_call *c);
int share_getattr(struct share_call *c);
int share_readlink(struct share_call *c);
int share_open(struct share_call *c);
int share_opendir(struct share_call *c);
int share_read(struct share_call *c);
int share_readdir(struct share_call *c);
int share_release(struct share_call *c);
int share_statfs(struct share_call *c);
int share_setattr(struct share_call *c);
int share_create(struct share_call *c);
int share_mknod(struct share_call *c);
int share_mkdir(struct share_call *c);
int share_symlink(struct share_call *c);
int share_link(struct share_call *c);
int share_unlink(struct share_call *c);
int share_rmdir(struct share_call *c);
int share_rename(struct share_call *c);
int share_rename2(struct share_call *c);
int share_write(struct share_call *c);
int share_fsync(struct share_call *c);
