/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's messages to a shared folder. An input is a row of them, each as one byte of operation,
 * one of node, one of length and so many bytes. Whatever they say, what is beside the folder stays
 * as it was, and each answer's length is its own. Runs: 20000
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "td/sharefs.h"

#define HEADER 40 /* struct fuse_in_header */

static char outer[] = "/tmp/fuzz-sharefs-XXXXXX", folder[64], secret[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type;
	if (at->level > 0 || strcmp(path, outer) == 0) {
		chmod(path, 0700);
		remove(path);
	}
	return 0;
}

static void at_end(void)
{
	nftw(outer, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static void begin(void)
{
	struct rlimit small = {1 << 20, 1 << 20};

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	if (!mkdtemp(outer))
		abort();
	atexit(at_end);
	snprintf(folder, sizeof(folder), "%s/folder", outer);
	snprintf(secret, sizeof(secret), "%s/secret", outer);
	put(secret, "secret");
}

static void fill(void)
{
	char path[96];

	if (mkdir(folder, 0700) < 0)
		abort();
	snprintf(path, sizeof(path), "%s/f", folder);
	put(path, "file");
	snprintf(path, sizeof(path), "%s/d", folder);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/l", folder);
	if (symlink("../secret", path) < 0)
		abort();
}

static void check_outside(void)
{
	char text[16] = "";
	int fd = open(secret, O_RDONLY), entries = 0;
	DIR *dir = opendir(outer);
	struct stat st;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) != 6 || strcmp(text, "secret") != 0 ||
	    fstat(fd, &st) < 0 || st.st_nlink != 1 || !dir)
		abort();
	while (readdir(dir))
		entries++;
	if (entries != 4) /* with . and .. */
		abort();
	closedir(dir);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t answer[SHAREFS_MESSAGE_MAX];
	struct sharefs *s;
	uint8_t message[HEADER + 255];

	if (!folder[0])
		begin();
	fill();
	if (sharefs_new(open(folder, O_RDONLY | O_DIRECTORY), false, &s, NULL) < 0)
		abort();
	while (size >= 3) {
		size_t length = data[2] < size - 3 ? data[2] : size - 3, n;
		uint32_t all;

		memset(message, 0, HEADER);
		message[4] = data[0] % 64;
		message[16] = data[1] % 8;
		memcpy(message + HEADER, data + 3, length);
		n = sharefs_answer(s, message, HEADER + length, answer);
		memcpy(&all, answer, sizeof(all));
		if (n && (n < 16 || n != all))
			abort();
		data += 3 + length;
		size -= 3 + length;
	}
	sharefs_free(s);
	check_outside();
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	rmdir(folder);
	return 0;
}
