/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/confine.h"
#include "disk/ext.h"

/*
 * libext2fs, for ext.c alone: a confined process hands it the file system, because it does not
 * survive every damaged one.
 */
#define EXT_UUID_SIZE 16
#define EXT_PATH_MAX  2048 /* bytes, with the NUL */

enum ext_ask {
	EXT_ASK_UUID = 1, /* EXT_UUID_SIZE bytes */
	EXT_ASK_KIND,     /* a byte, an enum ext_kind */
	EXT_ASK_FILE,     /* the file's bytes, at most `max` */
};

struct ext_request {
	enum ext_ask what;
	uint64_t max;
	char path[EXT_PATH_MAX];
};

/* The library, loaded, and where to read; nothing was read yet. -ENOPKG without the library. */
struct ext_library;
int ext_library_new(struct disk *d, uint64_t start, uint64_t size, struct ext_library **ret,
                    struct err *e);
void ext_library_free(struct ext_library *x);

/* For struct confined_spec, with the above as userdata and a struct ext_request to answer. */
int ext_library_serve(void *userdata, struct confined *c, struct bytes request, struct err *e);
