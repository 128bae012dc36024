/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/view.h"
#include "format/quote.h"

/*
 * A disk image, read only: raw, or qcow2 of version 2 and 3 (QEMU docs/interop/qcow2.txt), told
 * apart by its first bytes. Nothing is mounted and no root is needed.
 *
 * A qcow2 image that is not whole in itself (backing file, external data file) or that this reader
 * does not understand (encryption, extended L2 entries, zstd) is refused by name: -ENOTSUP. One
 * that contradicts itself: -EBADMSG.
 */
#define DISK_SECTOR 512

struct disk;
int disk_open(const char *path, struct disk **ret, struct err *e);
/* The same of an image in memory, which is borrowed. */
int disk_open_memory(struct bytes image, struct disk **ret, struct err *e);
void disk_free(struct disk *d);

uint64_t disk_size(const struct disk *d); /* bytes the guest sees */
bool disk_is_qcow2(const struct disk *d);
/* All of `size` bytes or an error; beyond the end: -EBADMSG. */
int disk_read(struct disk *d, uint64_t offset, void *out, size_t size, struct err *e);

/* Adds where these bytes are in the image file, which disk_map() then maps. -ENOTSUP: they are not
 * there as they are (compressed), or the image is in memory; and what disk_read() would fail with. */
int disk_plan(struct disk *d, uint64_t offset, uint64_t size, struct view_plan *p);
int disk_map(struct disk *d, const struct view_plan *p, struct view *ret);
