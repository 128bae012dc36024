/* SPDX-License-Identifier: Apache-2.0 */
/* A shared folder before a guest that wants out of it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "td/share.h"
#include "td/sharefs.h"
#include "test/scratch.h"
#include "test/tests.h"

static struct sharefs *fs;
static uint8_t answer[SHAREFS_MESSAGE_MAX];

static void put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void begin(bool read_only)
{
	scratch_make();
	ck_assert_int_eq(chdir(scratch), 0);
	put("secret", "secret");
	ck_assert_int_eq(mkdir("in", 0755) + mkdir("in/d", 0755), 0);
	put("in/file", "inside");
	ck_assert_int_eq(symlink("../secret", "in/up"), 0);
	ck_assert_int_eq(mkfifo("in/pipe", 0644), 0);
	ck_assert_int_eq(sharefs_new(open("in", O_RDONLY | O_DIRECTORY), read_only, &fs, NULL), 0);
}

static void end(void)
{
	sharefs_free(fs);
	ck_assert_int_eq(chdir("/"), 0);
	scratch_remove();
}

static void begin_writable(void)
{
	begin(false);
}

/* What the answer says: 0 or -errno. `more` is behind the header, and `text` behind that. */
static int ask(uint32_t opcode, uint64_t node, const void *more, size_t size, const char *text,
               size_t text_size)
{
	uint8_t message[4096];
	struct fuse_in_header in = {.opcode = opcode, .nodeid = node, .unique = 7};
	struct fuse_out_header out;
	size_t n;

	in.len = (uint32_t)(sizeof(in) + size + text_size);
	memcpy(message, &in, sizeof(in));
	if (size)
		memcpy(message + sizeof(in), more, size);
	memcpy(message + sizeof(in) + size, text, text_size);
	n = sharefs_answer(fs, message, in.len, answer);
	ck_assert_uint_ge(n, sizeof(out));
	memcpy(&out, answer, sizeof(out));
	ck_assert_uint_eq(out.len, n);
	ck_assert_uint_eq(out.unique, 7);
	return out.error;
}
#define NAMED(opcode, node, more, text) \
	ask(opcode, node, &(more), sizeof(more), text, strlen(text) + 1)
#define NAME(opcode, node, text) ask(opcode, node, NULL, 0, text, strlen(text) + 1)

static uint64_t look_up(uint64_t folder, const char *name)
{
	struct fuse_entry_out entry;

	ck_assert_int_eq(NAME(FUSE_LOOKUP, folder, name), 0);
	memcpy(&entry, answer + sizeof(struct fuse_out_header), sizeof(entry));
	return entry.nodeid;
}

TEST(names_lead_nowhere_else)
{
	static const char *const names[] = {"..",          ".",        "", "d/../../secret",
	                                    "/etc/passwd", "../secret"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		ck_assert_int_eq(NAME(FUSE_LOOKUP, 1, names[i]), -ENOENT);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		ck_assert_int_eq(
		        NAMED(FUSE_MKDIR, 1, (struct fuse_mkdir_in){.mode = 0755}, names[i]),
		        -EINVAL);
	/* no end of the name */
	ck_assert_int_eq(ask(FUSE_LOOKUP, 1, NULL, 0, "file", 4), -ENOENT);
	ck_assert_int_eq(NAME(FUSE_LOOKUP, 99, "file"), -ESTALE);
	ck_assert_int_eq(NAME(FUSE_LOOKUP, 0, "file"), -ESTALE);
	ck_assert_int_eq(NAME(FUSE_LOOKUP, look_up(1, "file"), "x"), -ENOTDIR);
}

/* Bind mounts of the same file system, which has one device number. */
TEST(mounts_are_not_there)
{
	if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
		puts("mounts_are_not_there: not tried, nothing may be mounted here");
		return;
	}
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	sharefs_free(fs); /* its folder is in the mounts that we have left */
	ck_assert_int_eq(sharefs_new(open("in", O_RDONLY | O_DIRECTORY), false, &fs, NULL), 0);
	look_up(1, "d");
	ck_assert_int_eq(mkdir("out", 0755), 0);
	ck_assert_int_eq(mount("out", "in/d", NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(mount("secret", "in/file", NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(NAME(FUSE_LOOKUP, 1, "d"), -EXDEV);
	ck_assert_int_eq(NAME(FUSE_LOOKUP, 1, "file"), -EXDEV);
	ck_assert_int_eq(umount2("in/d", MNT_DETACH) + umount2("in/file", MNT_DETACH), 0);
	look_up(1, "d");
	look_up(1, "file");
}

TEST(links_are_not_followed)
{
	struct fuse_open_in read_it = {.flags = O_RDONLY};
	struct fuse_create_in create = {.flags = O_RDWR | O_TRUNC, .mode = 0644};
	uint64_t up = look_up(1, "up");
	struct stat st;

	ck_assert_int_eq(ask(FUSE_OPEN, up, &read_it, sizeof(read_it), "", 0), -EACCES);
	ck_assert_int_eq(NAMED(FUSE_CREATE, 1, create, "up"), -EACCES);
	ck_assert_int_eq(NAME(FUSE_LOOKUP, up, "x"), -ENOTDIR);
	ck_assert_int_eq(ask(FUSE_OPENDIR, up, &read_it, sizeof(read_it), "", 0), -EACCES);
	ck_assert_int_eq(stat("secret", &st), 0);
	ck_assert_int_eq(st.st_size, 6);
	ck_assert_int_eq(ask(FUSE_READLINK, up, NULL, 0, "", 0), 0);
	ck_assert_int_eq(memcmp(answer + sizeof(struct fuse_out_header), "../secret", 9), 0);
}

TEST(links_lead_down)
{
	static const char *const bad[] = {"/etc/passwd", "..",      "../secret",
	                                  "d/..",        "d/../..", "d/../../secret"};
	static const char *const good[] = {"file", "d/x", "..file", "d/..x", "d//."};
	struct fuse_rename2_in move = {.newdir = look_up(1, "d")};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[64];
		int n = snprintf(text, sizeof(text), "l%c%s", 0, bad[i]);

		ck_assert_int_eq(ask(FUSE_SYMLINK, 1, NULL, 0, text, (size_t)n + 1), -EPERM);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		char text[64];
		int n = snprintf(text, sizeof(text), "g%zu%c%s", i, 0, good[i]);

		ck_assert_int_eq(ask(FUSE_SYMLINK, 1, NULL, 0, text, (size_t)n + 1), 0);
	}
	ck_assert_int_eq(ask(FUSE_RENAME2, 1, &move, sizeof(move), "up\0up", 6), -EPERM);
	ck_assert_int_eq(ask(FUSE_RENAME2, 1, &move, sizeof(move), "g0\0g0", 6), 0);
	/* what is in a folder may have been made by the host: copied, not moved */
	ck_assert_int_eq(mkdir("in/e", 0700), 0);
	ck_assert_int_eq(ask(FUSE_RENAME2, 1, &move, sizeof(move), "e\0e", 4), -EXDEV);
	ck_assert_int_eq(ask(FUSE_RENAME2, 1, &move, sizeof(move), "no\0no", 6), -ENOENT);
	move.flags = 1 << 2; /* RENAME_WHITEOUT makes a device */
	ck_assert_int_eq(ask(FUSE_RENAME2, 1, &move, sizeof(move), "g1\0g1", 6), -EINVAL);
}

TEST(files_and_folders_only)
{
	static const uint32_t types[] = {S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK};
	struct fuse_open_in read_it = {.flags = O_RDONLY};
	struct fuse_create_in create = {.flags = O_RDWR, .mode = 06755};
	struct fuse_setattr_in set = {.valid = FATTR_MODE, .mode = 04755};
	struct stat st;

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		ck_assert_int_eq(
		        NAMED(FUSE_MKNOD, 1,
		              ((struct fuse_mknod_in){.mode = types[i] | 0644, .rdev = 0x103}),
		              "new"),
		        -EPERM);
	ck_assert_int_eq(ask(FUSE_OPEN, look_up(1, "pipe"), &read_it, sizeof(read_it), "", 0),
	                 -EACCES);
	ck_assert_int_eq(NAMED(FUSE_CREATE, 1, create, "new"), 0);
	ck_assert_int_eq(stat("in/new", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07000, 0);
	ck_assert_int_eq(ask(FUSE_SETATTR, look_up(1, "new"), &set, sizeof(set), "", 0), 0);
	ck_assert_int_eq(stat("in/new", &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0755);
	set = (struct fuse_setattr_in){.valid = FATTR_UID, .uid = 1000};
	ck_assert_int_eq(ask(FUSE_SETATTR, look_up(1, "new"), &set, sizeof(set), "", 0), -EPERM);
}

TEST(handles_are_bounded)
{
	struct fuse_open_in read_it = {.flags = O_RDONLY};
	struct fuse_read_in read = {.fh = 5, .size = ~0u};
	struct fuse_write_in write = {.size = ~0u};
	uint64_t file = look_up(1, "file");

	ck_assert_int_eq(ask(FUSE_READ, file, &read, sizeof(read), "", 0), -EBADF);
	read.fh = ~0ull;
	ck_assert_int_eq(ask(FUSE_READ, file, &read, sizeof(read), "", 0), -EBADF);
	ck_assert_int_eq(ask(FUSE_WRITE, file, &write, sizeof(write), "x", 1), -EINVAL);
	for (int i = 0; i < SHAREFS_OPEN_MAX; i++) {
		int r = ask(FUSE_OPEN, file, &read_it, sizeof(read_it), "", 0);

		if (r == -EMFILE) /* of this process */
			return;
		ck_assert_int_eq(r, 0);
	}
	ck_assert_int_eq(ask(FUSE_OPEN, file, &read_it, sizeof(read_it), "", 0), -ENFILE);
	read.fh = 5; /* all that there is, however much was asked for */
	ck_assert_int_eq(ask(FUSE_READ, file, &read, sizeof(read), "", 0), 0);
	ck_assert_int_eq(memcmp(answer + sizeof(struct fuse_out_header), "inside", 6), 0);
}

TEST(read_only)
{
	struct fuse_open_in open_it = {.flags = O_RDONLY};
	struct fuse_mkdir_in make = {.mode = 0755};
	uint64_t file;

	sharefs_free(fs);
	ck_assert_int_eq(sharefs_new(open("in", O_RDONLY | O_DIRECTORY), true, &fs, NULL), 0);
	file = look_up(1, "file");
	ck_assert_int_eq(ask(FUSE_OPEN, file, &open_it, sizeof(open_it), "", 0), 0);
	for (uint32_t flags = O_WRONLY; flags <= O_RDWR; flags++) {
		open_it.flags = flags;
		ck_assert_int_eq(ask(FUSE_OPEN, file, &open_it, sizeof(open_it), "", 0), -EROFS);
	}
	open_it.flags = O_RDONLY | O_TRUNC;
	ck_assert_int_eq(ask(FUSE_OPEN, file, &open_it, sizeof(open_it), "", 0), -EROFS);
	ck_assert_int_eq(NAMED(FUSE_MKDIR, 1, make, "new"), -EROFS);
	ck_assert_int_eq(NAME(FUSE_UNLINK, 1, "file"), -EROFS);
	ck_assert_int_eq(NAME(FUSE_SYMLINK, 1, "x"), -EROFS);
	ck_assert_int_eq(ask(FUSE_WRITE, file, NULL, 0, "", 0), -EROFS);
	ck_assert_int_eq(ask(FUSE_SETATTR, file, NULL, 0, "", 0), -EROFS);
}

TEST(words)
{
	struct share s;

	ck_assert_int_eq(share_parse("in", &s, NULL), 0);
	ck_assert_str_eq(s.guest, "/host");
	ck_assert(!s.read_only);
	share_done(&s);
	ck_assert_int_eq(share_parse("in:/data:ro", &s, NULL), 0);
	ck_assert_str_eq(s.guest, "/data");
	ck_assert(s.read_only && s.host[0] == '/');
	share_done(&s);
	ck_assert_int_eq(share_parse("in:ro", &s, NULL), 0);
	ck_assert_str_eq(s.guest, "/host");
	share_done(&s);
	ck_assert_int_eq(share_parse("in:/", &s, NULL), -EINVAL);
	ck_assert_int_eq(share_parse("in:/a/../b", &s, NULL), -EINVAL);
	ck_assert_int_eq(share_parse("no", &s, NULL), -ENOENT);
	ck_assert_int_eq(share_parse("secret", &s, NULL), -ENOTDIR);
}

TESTS("sharefs", .setup = begin_writable, .teardown = end)
