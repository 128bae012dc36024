/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "test/tests.h"

/* Each test has a folder of its own, which is the working directory. */
static char dir[] = "/tmp/tception-file-XXXXXX";
static struct err e;

static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	signal(SIGXFSZ, SIG_IGN); /* write() says EFBIG instead */
}

static void tear_down(void)
{
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(dir), 0); /* a test that leaves something behind fails here */
}

static void holds(const char *path, const char *text)
{
	struct bytes b;

	ck_assert_msg(file_read(path, 100, &b, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(b.size, strlen(text));
	ck_assert_str_eq((const char *)b.data, text); /* there is a NUL behind it */
	bytes_free(&b);
}

TEST(test_written_whole)
{
	ck_assert_int_eq(file_write("a", "old", 3, &e), 0);
	holds("a", "old");
	ck_assert_int_eq(file_write("a", "", 0, &e), 0);
	holds("a", "");
	unlink("a");
}

/* What a full disk does, in a smaller way: the write fails after some bytes. */
TEST(test_or_not_at_all)
{
	const struct rlimit limit = {10, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
	struct file_new f = {0};

	ck_assert_int_eq(file_write("a", "old", 3, &e), 0);
	setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert_int_eq(file_write("a", "much longer", 11, &e), -EFBIG);
	ck_assert_str_eq(e.text, "a: File too large");
	ck_assert_int_eq(file_begin(&f, "a", &e), 0);
	for (int i = 0; i < 10000; i++)
		fputs("more than a buffer of stdio holds\n", f.stream);
	ck_assert_int_eq(file_commit(&f, &e), -EFBIG);
	file_abandon(&f);
	setrlimit(RLIMIT_FSIZE, &none);
	holds("a", "old");
	ck_assert_int_eq(file_begin(&f, "a", &e), 0);
	fputs("never mind", f.stream);
	file_abandon(&f);
	holds("a", "old");
	unlink("a");
}

TEST(test_where_there_is_no_folder)
{
	struct file_new f = {0};

	ck_assert_int_eq(file_write("no/a", "x", 1, &e), -ENOENT);
	ck_assert_str_eq(e.text, "no/a: No such file or directory");
	ck_assert_int_eq(file_begin(&f, "no/a", &e), -ENOENT);
	file_abandon(&f);
	ck_assert_int_eq(file_make_dirs("x/y/z", 0700, &e), 0);
	ck_assert_int_eq(file_make_dirs("x/y/z/", 0700, &e), 0);
	ck_assert_int_eq(file_write("x/y/z/a", "x", 1, &e), 0);
	ck_assert_int_eq(file_make_dirs("x/y/z/a/b", 0700, &e), -ENOTDIR);
	ck_assert_int_eq(file_write("x/y", "x", 1, &e), -EISDIR);
	unlink("x/y/z/a");
	rmdir("x/y/z");
	rmdir("x/y");
	rmdir("x");
}

/* A device or a pipe stays what it is. */
TEST(test_streams_are_written_in_place)
{
	char text[8] = "";
	int fd;

	ck_assert_int_eq(file_write("/dev/full", "x", 1, &e), -ENOSPC);
	ck_assert_str_eq(e.text, "/dev/full: No space left on device");
	ck_assert_int_eq(mkfifo("pipe", 0600), 0);
	fd = open("pipe", O_RDWR);
	ck_assert_int_eq(file_write("pipe", "through", 7, &e), 0);
	ck_assert_int_eq(read(fd, text, 7), 7);
	ck_assert_str_eq(text, "through");
	close(fd);
	unlink("pipe");
}

TEST(test_read_is_bounded)
{
	struct bytes b = {0};

	ck_assert_int_eq(file_write("a", "12345", 5, &e), 0);
	ck_assert_int_eq(file_read("a", 4, &b, &e), -EFBIG);
	ck_assert_str_eq(e.text, "a: more than 4 bytes");
	ck_assert_int_eq(file_read_input("a", 4, &b, &e), -EFBIG);
	ck_assert_int_eq(file_read("b", 4, &b, &e), -ENOENT);
	ck_assert_int_eq(file_read_input("b", 4, &b, &e), -ENOENT);
	ck_assert_int_eq(file_read(".", 4, &b, &e), -EINVAL);
	ck_assert_int_eq(mkfifo("pipe", 0600), 0);
	ck_assert_int_eq(file_read("pipe", 4, &b, &e), -EINVAL); /* and does not wait */
	ck_assert_int_eq(file_read_input("/dev/zero", 1 << 20, &b, &e), -EFBIG);
	ck_assert_ptr_null(b.data);
	unlink("pipe");
	unlink("a");
}

TEST(test_paths_that_are_too_long)
{
	char path[PATH_MAX] = "as it was", longer[PATH_MAX];

	memset(longer, 'x', sizeof(longer));
	longer[PATH_MAX - 1] = '\0';
	ck_assert_int_eq(path_join(path, longer, "a", &e), -ENAMETOOLONG);
	ck_assert_str_eq(path, "as it was");
	ck_assert_int_eq(file_write(longer, "x", 1, &e), -ENAMETOOLONG);
	ck_assert_int_eq(file_make_dirs(longer, 0700, &e), -ENAMETOOLONG);
	ck_assert_int_eq(path_join(path, "dir", "name", &e), 0);
	ck_assert_str_eq(path, "dir/name");
}

TESTS("file", .apart = true, .setup = set_up, .teardown = tear_down)
