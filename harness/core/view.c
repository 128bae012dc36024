/* SPDX-License-Identifier: Apache-2.0 */
#include "core/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"

#define PART       ((size_t)2 << 20) /* bytes handed over at once */
#define PIECES_MAX 16384             /* of the 65530 mappings that a process may have */

void view_done(struct view *v)
{
	if (v->map)
		munmap(v->map, v->map_size);
	else
		bytes_free(&v->bytes);
	*v = (struct view){0};
}

/* ---- mapping ---- */

void view_plan_done(struct view_plan *p)
{
	free(p->piece);
	*p = (struct view_plan){0};
}

static bool goes_on(const struct view_piece *last, uint64_t offset)
{
	if (offset == VIEW_ZEROS || last->offset == VIEW_ZEROS)
		return offset == last->offset;
	return last->offset + last->size == offset;
}

int view_plan_add(struct view_plan *p, uint64_t offset, uint64_t size)
{
	size_t room = p->room ? 2 * p->room : 16;
	struct view_piece *grown;

	p->size += size;
	if (p->pieces > 0 && goes_on(&p->piece[p->pieces - 1], offset)) {
		p->piece[p->pieces - 1].size += size;
		return 0;
	}
	if (p->pieces == PIECES_MAX)
		return -ENOTSUP;
	if (p->pieces == p->room) {
		grown = reallocarray(p->piece, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		p->piece = grown;
		p->room = room;
	}
	p->piece[p->pieces++] = (struct view_piece){offset, size};
	return 0;
}

/* One piece to its place, at `at`, in whole pages; at both ends of all the others they may have more in them. */
static int map_piece(int fd, uint8_t *map, uint64_t at, const struct view_piece *piece,
                     bool is_first, bool is_last, uint64_t page)
{
	uint64_t before = at % page, size = piece->size + before;
	int flags = MAP_PRIVATE | MAP_FIXED;

	if ((before > 0 && !is_first) || (size % page > 0 && !is_last))
		return -ENOTSUP;
	if (piece->offset == VIEW_ZEROS)
		return 0; /* as it is */
	if (piece->offset % page != before)
		return -ENOTSUP;
	return mmap(map + at - before, size, PROT_READ, flags, fd,
	            (off_t)(piece->offset - before)) == MAP_FAILED
	               ? -errno
	               : 0;
}

int view_map(int fd, const struct view_plan *p, struct view *ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), at;
	struct view v = {0};
	int r = 0;

	if (p->pieces == 0)
		return -ENOTSUP;
	at = p->piece[0].offset == VIEW_ZEROS ? 0 : p->piece[0].offset % page;
	v.map_size = (size_t)((at + p->size + page - 1) / page * page);
	v.map = mmap(NULL, v.map_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
	             0);
	if (v.map == MAP_FAILED)
		return -errno;
	v.bytes = (struct bytes){(const uint8_t *)v.map + at, (size_t)p->size};
	for (size_t i = 0; r == 0 && i < p->pieces; i++) {
		r = map_piece(fd, v.map, at, &p->piece[i], i == 0, i + 1 == p->pieces, page);
		at += p->piece[i].size;
	}
	if (r < 0)
		view_done(&v);
	else
		*ret = v;
	return r;
}

int view_file(const char *path, size_t max, struct view *ret, struct err *e)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_(view_plan_done) struct view_plan plan = {0};
	struct bytes copy;
	struct stat st;
	int r;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    (uint64_t)st.st_size <= max && view_plan_add(&plan, 0, (uint64_t)st.st_size) == 0 &&
	    view_map(fd, &plan, ret) == 0)
		return 0;
	r = file_read(path, max, &copy, e); /* what cannot be read is told there */
	if (r == 0)
		*ret = (struct view){.bytes = copy};
	return r;
}

/* ---- looking at it ---- */

/* Only pages of the view's own mapping: those of a heap copy would be lost. */
static void give_back(const struct view *v, const uint8_t *data, size_t size)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), map = (uintptr_t)v->map;
	uintptr_t from = (uintptr_t)data, to = from + size;

	if (!v->map || from < map || to > map + v->map_size)
		return;
	from -= from % page;
	madvise((void *)from, to - from, MADV_DONTNEED);
}

void view_pour(const struct view *v, struct bytes b, view_take take, void *userdata)
{
	for (size_t at = 0, n; at < b.size; at += n) {
		n = b.size - at < PART ? b.size - at : PART;
		take(userdata, b.data + at, n);
		if (v)
			give_back(v, b.data + at, n);
	}
}
