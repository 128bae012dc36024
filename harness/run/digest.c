/* SPDX-License-Identifier: Apache-2.0 */
#include "run/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/install.h"
#include "format/text.h"

#define LARGE   (64ll << 20) /* bytes: what takes longer to hash than to look for */
#define SETTLED 3   /* s since its last change, for another one would be in the same tick */
#define LINES   16  /* files that are remembered, the newest first */
#define LINE    256 /* bytes */
#define HEX     (HEX_ENCODED_SIZE(SHA256_SIZE) - 1)

/* A line: the digest (blanks, as yet), and what tells the file. */
static void line_of(const struct stat *st, char ret[static LINE])
{
	char state[FILE_STATE_SIZE];

	file_state(st, state);
	snprintf(ret, LINE, "%*s %s", HEX, "", state);
}

/* Looks for the file that `line` tells; `others` gets the lines of other files, fewer than LINES. */
static bool remembered(const char *list, const char *line, uint8_t digest[SHA256_SIZE],
                       FILE *others)
{
	_cleanup_(bytes_free) struct bytes text = {0};
	bool found = false;
	char *one, *rest;
	struct err e;
	size_t size;

	if (file_read(list, LINES * LINE, &text, &e) < 0)
		return false;
	rest = (char *)text.data;
	for (int n = 1; n < LINES && (one = strsep(&rest, "\n"));) {
		if (strlen(one) <= HEX)
			continue;
		if (strcmp(one + HEX, line + HEX) == 0) {
			found = hex_decode(one, HEX, digest, &size) == FORMAT_OK;
		} else {
			fprintf(others, "%s\n", one);
			n++;
		}
	}
	return found;
}

/*
 * Whether each change from now on will be seen in the file's times. On these file systems a first
 * write by each mapping is; on others (tmpfs, overlayfs, those of a network) one may not be. Later
 * ones are not, so nobody may have it open for writing: else the kernel gives no lease, nor to who
 * is not the file's owner. One that writes in the moment of the lease sends a signal, here none
 * that ends a process.
 */
static bool shows_changes(int fd, const struct stat *st)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0 ||
	    (fs.f_type != EXT4_SUPER_MAGIC && fs.f_type != XFS_SUPER_MAGIC &&
	     fs.f_type != BTRFS_SUPER_MAGIC))
		return false;
	if (st->st_ctim.tv_sec <= 0 || time(NULL) - st->st_ctim.tv_sec <= SETTLED)
		return false;
	return fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0 &&
	       fcntl(fd, F_SETLEASE, F_UNLCK) == 0;
}

static bool is_still(const char *path, const char *line)
{
	char now[LINE];
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	line_of(&st, now);
	return strcmp(now, line) == 0;
}

/* The list is a file, or not there yet. */
static bool is_list(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? errno == ENOENT : S_ISREG(st.st_mode);
}

int digest_file(const char *path, uint64_t *ret_size, uint8_t digest[SHA256_SIZE], struct err *e)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_(freep) char *text = NULL;
	_cleanup_(fclosep) FILE *others = NULL;
	char list[PATH_MAX], line[LINE], hex[HEX + 1];
	struct err ignored;
	struct stat st;
	size_t size;
	bool shows;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < LARGE ||
	    install_cache_path(list, "digests", &ignored) < 0 || !is_list(list))
		return hash256_file(path, ret_size, digest, e);
	others = open_memstream(&text, &size);
	if (!others)
		return err_nomem(e);
	line_of(&st, line);
	fprintf(others, "%s\n", line);
	if (remembered(list, line, digest, others)) {
		if (ret_size)
			*ret_size = (uint64_t)st.st_size;
		return 0;
	}
	shows = shows_changes(fd, &st);
	r = hash256_file(path, ret_size, digest, e);
	if (r < 0 || !shows || !is_still(path, line))
		return r;
	hex_encode(digest, SHA256_SIZE, hex);
	if (fflush(others) == 0) {
		memcpy(text, hex, HEX);
		(void)file_write(list, text, size, &ignored); /* what is not remembered is hashed */
	}
	return 0;
}
