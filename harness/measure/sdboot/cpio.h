/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "measure/pe.h"

/* Bytes being put together. */
struct buffer {
	uint8_t *data;
	size_t size;
	bool failed; /* memory ran out: sticks */
};

void buffer_done(struct buffer *b);
void buffer_append(struct buffer *b, const void *data, size_t size);
void buffer_pad4(struct buffer *b);

/*
 * Archives as systemd-stub makes them (Linux, Documentation/driver-api/early-userspace,
 * "newc"): entries are numbered from 1 in each archive, belong to root and have no times.
 */
struct cpio {
	struct buffer *out;
	unsigned inode;
	const char *folder;              /* like ".extra/credentials" */
	unsigned folder_mode, file_mode; /* permissions: those of the folder itself, of its files */
};

/* The folder with those above it, a file in it, the end. */
void cpio_folder(struct cpio *c);
void cpio_file(struct cpio *c, const char *name, struct bytes contents);
void cpio_end(struct cpio *c);
