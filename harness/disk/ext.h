/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/confine.h"
#include "disk/disk.h"
#include "format/bytes.h"

/*
 * An ext2, ext3 or ext4 file system, read only, by libext2fs (loaded when needed) in a confined
 * process, whose death is an error of one line (core/confine.h). Like GRUB, it neither replays a
 * journal nor looks at checksums, and refuses what GRUB's reader refuses.
 */
struct ext;

/* -ENODATA: there is no such file system; -ENOTSUP: GRUB would not read it; -EBADMSG: damaged;
 * -ENOPKG without the library. A disk in memory has to stay as it is. The disk is borrowed. */
int ext_open(struct disk *d, uint64_t start, uint64_t size, struct ext **ret, struct err *e);
void ext_free(struct ext *x);

/* Its UUID as text in lower case, 36 characters and a NUL. */
void ext_uuid(const struct ext *x, char ret[37]);
/* A whole regular file by its path, symbolic links followed. -ENOENT; -EFBIG beyond `max` bytes.
 * The bytes are the caller's to free. */
int ext_read_file(struct ext *x, const char *path, size_t max, struct bytes *ret, struct err *e);
/* The same in pieces: core/confine.h has what may be done with them. */
int ext_stream_file(struct ext *x, const char *path, size_t max, confined_take take, void *userdata,
                    struct err *e);
/* 0 with what is at `path`: nothing, a regular file, or something else, like a folder. */
enum ext_kind { EXT_NOTHING, EXT_FILE, EXT_OTHER };
int ext_kind(struct ext *x, const char *path, enum ext_kind *ret, struct err *e);
