/* SPDX-License-Identifier: Apache-2.0 */
#include "record/stamp.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "core/enum.h"
#include "core/file.h"
#include "format/sha2.h"
#include "format/text.h"
#include "record/bundle.h"
#include "record/store.h"

static void add(struct sha256 *h, const char *path)
{
	char text[FILE_STATE_SIZE];
	struct stat st = {0};

	if (stat(path, &st) < 0)
		st = (struct stat){0};
	file_state(&st, text);
	sha256_update(h, path, strlen(path) + 1);
	sha256_update(h, text, strlen(text) + 1);
}

/* Of each entry of a folder, that file; `file` NULL: the entry itself. */
static void add_each(struct sha256 *h, const char *dir, const char *file)
{
	struct dirent **entry = NULL;
	int n = scandir(dir, &entry, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];

		if (entry[i]->d_name[0] != '.' &&
		    path_format(path, NULL, "%s/%s%s%s", dir, entry[i]->d_name, file ? "/" : "",
		                file ? file : "") == 0)
			add(h, path);
		free(entry[i]);
	}
	free(entry);
}

static void add_folder(struct sha256 *h, const char *run)
{
	static const char *const of_run[] = {"run.json", STORE_CASES, "root.pem"};
	static const char *const of_boot[] = {"channel.bin", "prediction.json"};
	char path[PATH_MAX];

	for (size_t i = 0; i < COUNT_OF(of_run); i++) {
		if (path_join(path, run, of_run[i], NULL) == 0)
			add(h, path);
	}
	if (path_join(path, run, "collateral", NULL) == 0)
		add_each(h, path, NULL);
	for (size_t i = 0; i < COUNT_OF(of_boot); i++) {
		if (path_join(path, run, "boots", NULL) == 0)
			add_each(h, path, of_boot[i]);
	}
}

int stamp_of_run(const char *run, char ret[STAMP_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 h;
	struct stat st;

	if (stat(run, &st) < 0)
		return -errno;
	sha256_init(&h);
	add(&h, "/proc/self/exe");
	if (S_ISDIR(st.st_mode))
		add_folder(&h, run);
	else
		add(&h, run);
	sha256_final(&h, digest);
	hex_encode(digest, sizeof(digest), ret);
	return 0;
}
