/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "core/err.h"
#include "format/bytes.h"

/*
 * Files, in one way: read whole, written whole or not at all. Every message begins with the path,
 * and its errno is the one that the failed call gave, on a full disk too (ENOSPC).
 */

static inline void bytes_free(struct bytes *b)
{
	free((void *)b->data);
}

/* malloc() for bytes that will be filled: large ones in large pages, whose first touch costs a
 * five-hundredth. */
void *bytes_room(size_t size);

/* printf into `ret`, a path. -ENAMETOOLONG when it does not fit. */
int path_format(char ret[static PATH_MAX], struct err *e, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
/* "dir/name". */
int path_join(char ret[static PATH_MAX], const char *dir, const char *name, struct err *e);

/*
 * A regular file of at most `max` bytes as a heap copy, with a NUL behind its end that ret->size
 * does not count. -EFBIG beyond that, -EINVAL for what is no regular file. Free with bytes_free().
 */
int file_read(const char *path, size_t max, struct bytes *ret, struct err *e);

/* The same of what a user names: also a pipe, and standard input for "-". */
int file_read_input(const char *path, size_t max, struct bytes *ret, struct err *e);

/* Hands over the regular file dir/name, which is no link, in parts: *ret_size bytes in all. What
 * `take` returns below zero ends it. */
int file_each_part(const char *dir, const char *name,
                   int (*take)(void *userdata, const void *data, size_t size, struct err *e),
                   void *userdata, uint64_t *ret_size, struct err *e);

/*
 * What tells whether a file is as it was, as text: device, inode, size, times. The inode's own time
 * (ctime) is nobody's to set: what is written over or put in place of it has another.
 */
#define FILE_STATE_SIZE 160 /* with NUL */
void file_state(const struct stat *st, char ret[static FILE_STATE_SIZE]);

/* Makes a folder with `mode` and those above it with 0777; one that exists is right. */
int file_make_dirs(const char *dir, mode_t mode, struct err *e);

/* Removes a folder with all that is in it, as far as that can be done. */
void file_remove_dir(const char *dir);

/* All of it, into an open file that has no name to be said; 0 or -errno. */
int file_write_fd(int fd, const void *data, size_t size);
/* The same at the end of a regular file, which stays as it was on failure. */
int file_append_fd(int fd, const void *data, size_t size);

/* Under another name first, so that a reader sees the old file or the new one; nothing is left
 * behind on failure. What is no file (a pipe, /dev/stdout) is written as it is. */
int file_write(const char *path, const void *data, size_t size, struct err *e);

/*
 * The same for a file that is written piece by piece:
 *
 *	_cleanup_(file_abandon) struct file_new f = {0};
 *	r = file_begin(&f, path, e);
 *	... fprintf(f.stream, ...), whose results need not be looked at ...
 *	r = file_commit(&f, e);
 *
 * Without the commit the file stays as it was.
 */
struct file_new {
	FILE *stream;
	int fd;
	int code;      /* -errno of the first write that failed */
	bool in_place; /* `temporary` is `path` */
	char path[PATH_MAX];
	char temporary[PATH_MAX];
};

int file_begin(struct file_new *f, const char *path, struct err *e);
/* Standard output instead, which a disk may be full behind, too; line by line on a terminal. */
int file_begin_output(struct file_new *f, struct err *e);
int file_commit(struct file_new *f, struct err *e);
void file_abandon(struct file_new *f);
