/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "disk/disk.h"
#include "format/bytes.h"

/* What disk.c and qcow2.c share. */
struct qcow2;

struct disk {
	int fd; /* -1: `memory` */
	struct bytes memory;
	uint64_t file_size;
	uint64_t size;       /* bytes the guest sees */
	struct qcow2 *qcow2; /* NULL: raw */
	bool small_kept;     /* what is in `small`, of the guest's bytes at `small_at` */
	uint64_t small_at;
	uint8_t small[4096];
};

/* Bytes of the image file itself. */
int disk_file_read(struct disk *d, uint64_t offset, void *out, size_t size, struct err *e);

int qcow2_open(struct disk *d, struct qcow2 **ret, uint64_t *ret_size, struct err *e);
void qcow2_free(struct qcow2 *q);
int qcow2_plan(struct disk *d, uint64_t offset, uint64_t size, struct view_plan *p);
int qcow2_read(struct disk *d, uint64_t offset, uint8_t *out, size_t size, struct err *e);
