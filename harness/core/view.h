/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/err.h"
#include "format/bytes.h"

/*
 * Many bytes that are looked at a few times: pages of a file, mapped, which take memory only while
 * they are used; or a heap copy, where that cannot be. A file that is made shorter meanwhile ends
 * the process (SIGBUS): for files that their user hands over, not for what a guest writes to.
 */
struct view {
	struct bytes bytes;
	void *map; /* NULL: `bytes` is a heap copy */
	size_t map_size;
};
void view_done(struct view *v);

/* A regular file of at most `max` bytes, as file_read() takes it. */
int view_file(const char *path, size_t max, struct view *ret, struct err *e);

/* Where the bytes are in a file, piece by piece. */
#define VIEW_ZEROS UINT64_MAX /* as an offset: nowhere */
struct view_piece {
	uint64_t offset, size; /* bytes */
};
struct view_plan {
	struct view_piece *piece;
	size_t pieces, room;
	uint64_t size;
};
void view_plan_done(struct view_plan *p);
/* -ENOTSUP for a plan of too many pieces, -ENOMEM. */
int view_plan_add(struct view_plan *p, uint64_t offset, uint64_t size);
/* -ENOTSUP where pieces do not begin and end with pages; or another -errno. */
int view_map(int fd, const struct view_plan *p, struct view *ret);

/* Hands over bytes in parts, and gives back the memory of those that are of the view, which is NULL
 * or what they are in; they can be looked at again. */
typedef void (*view_take)(void *userdata, const void *data, size_t size);
void view_pour(const struct view *v, struct bytes b, view_take take, void *userdata);
