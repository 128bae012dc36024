/* SPDX-License-Identifier: Apache-2.0 */
/* A large file's digest is taken from an earlier run only while nothing was done to the file. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/hash.h"
#include "run/digest.h"
#include "test/scratch.h"
#include "test/tests.h"

#define LARGE (64 << 20)
#define LINES 16

static char image[256], list[256];

static void set_up(void)
{
	int fd;

	scratch_make();
	setenv("XDG_CACHE_HOME", scratch, 1);
	strcpy(list, scratch_path("tception/digests"));
	strcpy(image, scratch_path("image"));
	fd = open(image, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_eq(ftruncate(fd, LARGE), 0);
	close(fd);
}

static void tear_down(void)
{
	unsetenv("XDG_CACHE_HOME");
	scratch_remove();
}

static struct bytes remembered(void)
{
	struct bytes text = {0};
	struct err e;

	return file_read(list, 1 << 20, &text, &e) < 0 ? (struct bytes){0} : text;
}

static void digest(uint8_t ret[SHA256_SIZE])
{
	struct err e = {0};
	uint64_t size = 0;

	ck_assert_msg(digest_file(image, &size, ret, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(size, LARGE);
}

static void check_true(void)
{
	uint8_t told[SHA256_SIZE], hashed[SHA256_SIZE];
	struct err e;

	digest(told);
	ck_assert_int_eq(hash256_file(image, NULL, hashed, &e), 0);
	ck_assert_mem_eq(told, hashed, sizeof(told));
}

/* Its last change is long enough ago for the digest to be kept. */
static void wait_until_kept(void)
{
	_cleanup_(bytes_free) struct bytes text = {0};
	uint8_t ignored[SHA256_SIZE];

	check_true();
	text = remembered();
	ck_assert_ptr_null(text.data); /* it has only just changed */
	for (int i = 0; i < 200 && !text.data; i++) {
		usleep(300000);
		digest(ignored);
		text = remembered();
	}
	ck_assert_ptr_nonnull(text.data);
}

/* The kept digest, changed: who is told this has not hashed the file. */
static void twist(void)
{
	int fd = open(list, O_WRONLY);

	ck_assert_int_eq(pwrite(fd, "00000000", 8, 0), 8);
	close(fd);
}

TEST(taken_while_nothing_changes)
{
	uint8_t told[SHA256_SIZE];
	struct stat st;
	int fd;

	wait_until_kept();
	twist();
	digest(told);
	ck_assert_mem_eq(told, "\0\0\0\0", 4);
	/* one byte, and then the time of before */
	ck_assert_int_eq(stat(image, &st), 0);
	fd = open(image, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "x", 1, 1000), 1);
	ck_assert_int_eq(futimens(fd, (struct timespec[2]){st.st_atim, st.st_mtim}), 0);
	close(fd);
	check_true();
}

/* What another file in its place, or no list at all, would make of it. */
TEST(hashed_otherwise)
{
	wait_until_kept();
	twist();
	ck_assert_int_eq(rename(image, scratch_path("old")), 0);
	ck_assert_int_eq(link(scratch_path("old"), image), 0); /* the same inode has changed */
	check_true();
	unsetenv("XDG_CACHE_HOME");
	setenv("HOME", "relative", 1);
	check_true();
	setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
	check_true();
}

static const char *const lists[] = {"", "\n\n\n", "no digest at all", "\x7f\xff\0x"};

TEST_EACH(what_is_no_list, lists)
{
	FILE *f;

	ck_assert_int_eq(mkdir(scratch_path("tception"), 0700), 0);
	f = fopen(list, "w");
	fwrite(lists[_i], 1, _i == 3 ? 4 : strlen(lists[_i]), f);
	fclose(f);
	check_true();
}

TEST(oldest_are_forgotten)
{
	_cleanup_(bytes_free) struct bytes text = {0};
	const char *said;
	size_t lines = 0;
	FILE *f;

	wait_until_kept();
	f = fopen(list, "w");
	for (int i = 0; i < LINES; i++)
		fprintf(f, "%064d 1 %d 3 4.5 6.7\n", i, i);
	fclose(f);
	check_true();
	text = remembered();
	said = (const char *)text.data; /* NUL ends it */
	for (const char *p = said; (p = strchr(p, '\n')); p++)
		lines++;
	ck_assert_uint_eq(lines, LINES);
	ck_assert_ptr_nonnull(strstr(said, " 1 14 3 ")); /* its own line came before these */
	ck_assert_ptr_null(strstr(said, " 1 15 3 "));
}

TESTS("digest", .setup = set_up, .teardown = tear_down, .timeout = 120)
