/* SPDX-License-Identifier: Apache-2.0 */
/* A large file's digest is taken from an earlier run only while nothing was done to the file. */
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/hash.h"
#include "run/digest.h"
#include "test/tests.h"

#define LARGE (64 << 20)
#define LINES 16

/* Not in /tmp, which may be a tmpfs. */
static char folder[PATH_MAX], image[PATH_MAX], list[PATH_MAX];

static void set_up(void)
{
	char made[] = "build/digest-XXXXXX";
	struct err e;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(made));
	ck_assert_ptr_nonnull(realpath(made, folder));
	setenv("XDG_CACHE_HOME", folder, 1);
	ck_assert_int_eq(path_join(list, folder, "tception/digests", &e), 0);
	ck_assert_int_eq(path_join(image, folder, "image", &e), 0);
	fd = open(image, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_eq(ftruncate(fd, LARGE), 0);
	close(fd);
}

static void tear_down(void)
{
	unsetenv("XDG_CACHE_HOME");
	file_remove_dir(folder);
}

static bool shows_changes(void)
{
	struct statfs fs;

	return statfs("build", &fs) == 0 &&
	       (fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC ||
	        fs.f_type == BTRFS_SUPER_MAGIC);
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
	struct stat st;

	check_true();
	text = remembered();
	ck_assert_int_eq(stat(image, &st), 0);
	if (time(NULL) - st.st_ctim.tv_sec <=
	    3) /* it has only just changed, as a slow machine's has not */
		ck_assert_ptr_null(text.data);
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

TEST_IF(taken_while_nothing_changes, shows_changes)
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
TEST_IF(hashed_otherwise, shows_changes)
{
	char old[PATH_MAX];
	struct err e;

	wait_until_kept();
	twist();
	ck_assert_int_eq(path_join(old, folder, "old", &e), 0);
	ck_assert_int_eq(rename(image, old), 0);
	ck_assert_int_eq(link(old, image), 0); /* the same inode has changed */
	check_true();
	unsetenv("XDG_CACHE_HOME");
	setenv("HOME", "relative", 1);
	check_true();
	setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
	check_true();
}

/* After a page's first write through a mapping no other shows in the file's times. */
TEST(never_kept_while_it_is_mapped)
{
	int fd = open(image, O_RDWR);
	char *p = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint8_t ignored[SHA256_SIZE];

	ck_assert_ptr_ne(p, MAP_FAILED);
	close(fd);
	p[1000] = 'x';
	sleep(5);
	digest(ignored);
	p[1000] = 'y';
	check_true();
	ck_assert_int_eq(access(list, F_OK), -1);
	munmap(p, LARGE);
}

static void make_list_folder(void)
{
	char path[PATH_MAX];
	struct err e;

	ck_assert_int_eq(path_join(path, folder, "tception", &e), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

TEST(list_is_a_pipe)
{
	make_list_folder();
	ck_assert_int_eq(mkfifo(list, 0600), 0);
	sleep(4); /* it could be kept by then */
	check_true();
}

static const char *const lists[] = {"", "\n\n\n", "no digest at all", "\x7f\xff\0x"};

TEST_EACH(what_is_no_list, lists)
{
	FILE *f;

	make_list_folder();
	f = fopen(list, "w");
	fwrite(lists[_i], 1, _i == 3 ? 4 : strlen(lists[_i]), f);
	fclose(f);
	check_true();
}

TEST_IF(oldest_are_forgotten, shows_changes)
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
