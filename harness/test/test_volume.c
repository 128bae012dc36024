/* SPDX-License-Identifier: Apache-2.0 */
/* Work that a firmware image asks for is bounded, however small the image is. */
#include <errno.h>

#include "measure/volume.h"
#include "test/golden.h"
#include "test/kernel_image.h"
#include "test/tests.h"

#define VOLUME_HEADER 72
#define FILE_HEADER   24
#define SECTIONS_AT   (VOLUME_HEADER + FILE_HEADER)
#define IN_TINY       (0x2000 + SECTIONS_AT) /* tiny.fd's compressed section */

struct image {
	uint8_t *data;
	size_t size;
};

/* One volume with one file: `count` copies of a section whose size is a multiple of 4. */
static struct image image_make(const uint8_t *headers, const uint8_t *section, size_t size,
                               size_t count)
{
	struct image image = {.size = SECTIONS_AT + size * count};

	ck_assert_uint_lt(FILE_HEADER + size * count, 0xffffff);
	image.data = malloc(image.size);
	ck_assert_ptr_nonnull(image.data);
	memcpy(image.data, headers, SECTIONS_AT);
	put_le(image.data + 32, image.size, 8);
	put_le(image.data + VOLUME_HEADER + 20, FILE_HEADER + size * count, 3);
	for (size_t i = 0; i < count; i++)
		memcpy(image.data + SECTIONS_AT + i * size, section, size);
	return image;
}

static void count_file(const struct volume_file *file, void *userdata)
{
	(void)file;
	++*(unsigned *)userdata;
}

static int walk(struct image image, unsigned *ret_files, struct err *e)
{
	int r;

	*ret_files = 0;
	r = volume_walk((struct bytes){image.data, image.size}, count_file, ret_files, e);
	free(image.data);
	return r;
}

TEST(few_compressed_sections)
{
	struct golden tiny = golden_read("measure/tiny.fd");
	const uint8_t *headers = tiny.data + 0x2000, *section = tiny.data + IN_TINY;
	size_t size = ((section[0] | (size_t)section[1] << 8) + 3) & ~(size_t)3;
	unsigned one, files;
	struct err e;

	ck_assert_int_eq(walk(image_make(headers, section, size, 1), &one, &e), 0);
	ck_assert_uint_gt(one, 1);
	ck_assert_int_eq(walk(image_make(headers, section, size, 16), &files, &e), 0);
	ck_assert_uint_eq(files - 1, 16 * (one - 1));
	ck_assert_int_eq(walk(image_make(headers, section, size, 17), &files, &e), -EBADMSG);
	ck_assert_str_eq(e.text, "firmware volume: more than 16 compressed sections");
	golden_done(&tiny);
}

TEST(few_sections)
{
	static const uint8_t empty[4] = {4, 0, 0, 0x19}; /* a raw section without a body */
	struct golden tiny = golden_read("measure/tiny.fd");
	unsigned files;
	struct err e;

	ck_assert_int_eq(walk(image_make(tiny.data + 0x2000, empty, 4, 30000), &files, &e), 0);
	ck_assert_uint_eq(files, 1);
	ck_assert_int_eq(walk(image_make(tiny.data + 0x2000, empty, 4, 70000), &files, &e),
	                 -EBADMSG);
	ck_assert_str_eq(e.text, "firmware volume: more than 65536 files and sections");
	golden_done(&tiny);
}

TESTS("volume", .timeout = 60)
