/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "disk/fat.h"

/* What fat.c and fat_file.c share. */
struct fat_place { /* a directory entry */
	struct fat_entry info;
	uint32_t cluster;
};

/* -ENOENT without a text. */
int fat_find(const struct fat *f, const char *path, struct fat_place *ret, struct err *e);

/* The cluster after `cluster`, or 0 at the chain's end. */
int fat_next_cluster(const struct fat *f, uint32_t cluster, uint32_t *ret, struct err *e);
int fat_check_cluster(const struct fat *f, uint32_t cluster, struct err *e);
