/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/hash.h"
#include "measure/pe.h"

/* An initrd being put together: only its digest is kept. */
struct initrd {
	struct hash384 hash;
	uint64_t size; /* bytes */
};

void initrd_init(struct initrd *i);
void initrd_append(struct initrd *i, const void *data, size_t size);
/* The same of bytes that are in a view, or NULL. */
void initrd_append_view(struct initrd *i, const struct view *v, struct bytes b);
void initrd_pad4(struct initrd *i);
void initrd_final(struct initrd *i, uint8_t digest[48]); /* gives back what initrd_init() took */

/*
 * Archives as systemd-stub makes them (Linux, Documentation/driver-api/early-userspace,
 * "newc"): entries are numbered from 1 in each archive, belong to root and have no times.
 */
struct cpio {
	struct initrd *out;
	unsigned inode;
	const char *folder;              /* like ".extra/credentials" */
	unsigned folder_mode, file_mode; /* permissions: those of the folder itself, of its files */
};

/* The folder with those above it, a file in it, the end. */
void cpio_folder(struct cpio *c);
void cpio_file(struct cpio *c, const char *name, const struct view *v, struct bytes contents);
void cpio_end(struct cpio *c);
