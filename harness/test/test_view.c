/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/view.h"
#include "test/scratch.h"
#include "test/tests.h"

#define PAGE  ((size_t)sysconf(_SC_PAGESIZE))
#define PAGES 8

/* A file of numbered pages, each begins with its number and ends with its complement. */
static int open_pages(void)
{
	int fd = open(scratch_path("pages"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	uint8_t *page = calloc(1, PAGE);

	ck_assert_int_ge(fd, 0);
	for (uint8_t i = 0; i < PAGES; i++) {
		page[0] = i;
		page[PAGE - 1] = (uint8_t)~i;
		ck_assert_int_eq(write(fd, page, PAGE), (ssize_t)PAGE);
	}
	free(page);
	return fd;
}

static void add(struct view_plan *p, uint64_t offset, uint64_t size)
{
	ck_assert_int_eq(view_plan_add(p, offset, size), 0);
}

static size_t resident(const struct view *v)
{
	size_t pages = v->map_size / PAGE, count = 0;
	char line[128];
	FILE *f = fopen("/proc/self/smaps", "re");
	bool mine = false;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long from, to, kib;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			mine = from >= (uintptr_t)v->map && to <= (uintptr_t)v->map + pages * PAGE;
		else if (mine && sscanf(line, "Rss: %lu kB", &kib) == 1)
			count += kib << 10;
	}
	fclose(f);
	return count;
}

/* Pages in another order, one that is nowhere, a first one from its middle on and half of the last. */
TEST(pieces_of_a_file)
{
	_cleanup_(closep) int fd = open_pages();
	struct view_plan p = {0};
	struct view v;
	const uint8_t *b;

	add(&p, 5 * PAGE + 100, PAGE - 100);
	add(&p, 6 * PAGE, PAGE); /* goes on */
	add(&p, VIEW_ZEROS, PAGE / 2);
	add(&p, VIEW_ZEROS, PAGE / 2);
	add(&p, 2 * PAGE, PAGE / 2);
	ck_assert_uint_eq(p.pieces, 3);
	ck_assert_int_eq(view_map(fd, &p, &v), 0);
	ck_assert_uint_eq(v.bytes.size, 3 * PAGE + PAGE / 2 - 100);
	b = v.bytes.data - 100;
	ck_assert_uint_eq(b[PAGE - 1], 0xff - 5);
	ck_assert_uint_eq(b[PAGE], 6);
	ck_assert_uint_eq(b[2 * PAGE - 1], 0xff - 6);
	for (size_t i = 0; i < PAGE; i++)
		ck_assert_uint_eq(b[2 * PAGE + i], 0);
	ck_assert_uint_eq(b[3 * PAGE], 2);
	view_done(&v);
	ck_assert_ptr_null(v.bytes.data);
	view_plan_done(&p);
}

static const struct {
	size_t at[2], size[2]; /* quarters of a page */
} misfits[] = {
        {{0, 8}, {3, 4}}, /* the first does not end with a page */
        {{0, 9}, {4, 4}}, /* the second does not begin with one */
        {{1, 8}, {4, 4}}, /* its first part is elsewhere in a page */
};

TEST_EACH(pieces_that_do_not_fit, misfits)
{
	_cleanup_(closep) int fd = open_pages();
	struct view_plan p = {0};
	struct view v;

	for (size_t i = 0; i < 2; i++)
		add(&p, misfits[_i].at[i] * (PAGE / 4), misfits[_i].size[i] * (PAGE / 4));
	ck_assert_int_eq(view_map(fd, &p, &v), -ENOTSUP);
	view_plan_done(&p);
	ck_assert_int_eq(view_map(fd, &p, &v), -ENOTSUP); /* nothing at all */
}

TEST(too_many_pieces)
{
	struct view_plan p = {0};
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < 1 << 20; i++)
		r = view_plan_add(&p, 2 * i * PAGE, PAGE);
	ck_assert_int_eq(r, -ENOTSUP);
	view_plan_done(&p);
}

struct sum {
	size_t size;
	unsigned value;
};

static void take(void *userdata, const void *data, size_t size)
{
	struct sum *s = userdata;

	for (size_t i = 0; i < size; i++)
		s->value += ((const uint8_t *)data)[i];
	s->size += size;
}

/* What was looked at takes no memory any more, and is still there; a heap copy stays as it is, also
 * where somebody takes it for a part of the view. */
TEST(memory_is_given_back)
{
	_cleanup_(closep) int fd = open_pages();
	struct view_plan p = {0};
	struct sum first = {0}, again = {0}, heap = {0};
	uint8_t *copy = malloc(4 * PAGE);
	struct view v;

	add(&p, 0, PAGES * PAGE);
	ck_assert_int_eq(view_map(fd, &p, &v), 0);
	take(&first, v.bytes.data, v.bytes.size);
	ck_assert_uint_gt(resident(&v), 0);
	view_pour(&v, v.bytes, take, &again);
	ck_assert_uint_eq(resident(&v), 0);
	ck_assert(first.size == again.size && first.value == again.value);
	ck_assert_uint_eq(v.bytes.data[PAGE], 1);
	memset(copy, 1, 4 * PAGE);
	view_pour(&v, (struct bytes){copy, 4 * PAGE}, take, &heap);
	view_pour(NULL, (struct bytes){copy, 4 * PAGE}, take, &heap);
	ck_assert_uint_eq(heap.value, 8 * PAGE);
	free(copy);
	view_done(&v);
	view_plan_done(&p);
}

TEST(whole_files)
{
	_cleanup_(closep) int fd = open_pages();
	struct view v;
	struct err e;

	ck_assert_int_eq(view_file(scratch_path("pages"), PAGES * PAGE, &v, &e), 0);
	ck_assert(v.map && v.bytes.size == PAGES * PAGE && v.bytes.data[PAGE] == 1);
	view_done(&v);
	ck_assert_int_eq(view_file(scratch_path("pages"), PAGES * PAGE - 1, &v, &e), -EFBIG);
	ck_assert_int_eq(view_file(scratch_path("none"), 1, &v, &e), -ENOENT);
	ck_assert_int_eq(view_file("/", 1, &v, &e), -EINVAL);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(view_file(scratch_path("pages"), 1, &v, &e), 0);
	ck_assert(!v.map && v.bytes.data && v.bytes.size == 0);
	view_done(&v);
}

TESTS("view", .setup = scratch_make, .teardown = scratch_remove)
