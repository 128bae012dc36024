/* SPDX-License-Identifier: Apache-2.0 */
#include "run/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"

#define RECORD_MAX  (64u << 20) /* bytes of run.json */
#define CASES_MAX   (4u << 20)
#define ROOT_MAX    (64u << 10)
#define CHANNEL_MAX (8ull << 30)

int store_run_id(char **ret, struct err *e)
{
	time_t t = time(NULL);
	char stamp[32], *id;
	uint32_t random;
	struct tm tm;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_sys(e, -errno, "getrandom");
	if (!gmtime_r(&t, &tm) || strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm) == 0)
		return err_set(e, -EINVAL, "the clock is unusable");
	if (asprintf(&id, "%s-%08x", stamp, random) < 0)
		return err_set(e, -ENOMEM, "out of memory");
	*ret = id;
	return 0;
}

static int make_dirs(const char *dir, struct err *e)
{
	_cleanup_(freep) char *path = strdup(dir);

	if (!path)
		return err_set(e, -ENOMEM, "out of memory");
	for (char *p = path + 1;; p++) {
		char c = *p;

		if (c != '/' && c != 0)
			continue;
		*p = 0;
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			return err_sys(e, -errno, "%s", path);
		*p = c;
		if (c == 0)
			return 0;
	}
}

/* A whole regular file of at most `max` bytes, NUL-terminated. */
static int read_file(const char *path, uint64_t max, uint8_t **ret, size_t *ret_size, struct err *e)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(freep) uint8_t *data = NULL;
	struct stat st;
	size_t size, done = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "%s", path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
		return err_set(e, -EFBIG, "%s: not a file of at most %llu bytes", path,
		               (unsigned long long)max);
	size = (size_t)st.st_size;
	data = malloc(size + 1);
	if (!data)
		return err_set(e, -ENOMEM, "%s: out of memory", path);
	while (done < size) {
		ssize_t n = read(fd, data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(e, n < 0 ? -errno : -EIO, "%s", path);
		done += (size_t)n;
	}
	data[size] = 0;
	*ret = TAKE_PTR(data);
	*ret_size = size;
	return 0;
}

/* Under another name first, so that a reader sees the old file or the new one. */
static int write_file(const char *dir, const char *name, const void *data, size_t size,
                      struct err *e)
{
	char path[PATH_MAX], temporary[PATH_MAX + 8];
	FILE *f;
	bool good;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return err_set(e, -ENAMETOOLONG, "%s/%s", dir, name);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	f = fopen(temporary, "we");
	if (!f)
		return err_sys(e, -errno, "%s", temporary);
	good = fwrite(data, 1, size, f) == size;
	good = fclose(f) == 0 && good;
	if (!good || rename(temporary, path) < 0) {
		int code = errno ? -errno : -EIO;

		unlink(temporary);
		return err_sys(e, code, "%s", path);
	}
	return 0;
}

int store_create(const char *dir, const char *case_path, struct err *e)
{
	_cleanup_(freep) uint8_t *cases = NULL;
	char path[PATH_MAX];
	size_t size;
	int r;

	r = read_file(case_path, CASES_MAX, &cases, &size, e);
	if (r < 0)
		return r;
	r = make_dirs(dir, e);
	if (r < 0)
		return r;
	if (snprintf(path, sizeof(path), "%s/boots", dir) >= (int)sizeof(path))
		return err_set(e, -ENAMETOOLONG, "%s", dir);
	if (mkdir(path, 0777) < 0)
		return errno == EEXIST ? err_set(e, -EEXIST, "%s holds a run already", dir)
		                       : err_sys(e, -errno, "%s", path);
	return write_file(dir, STORE_CASES, cases, size, e);
}

/* ---- collateral ---- */

static bool is_plain_name(const char *name)
{
	return name[0] && name[0] != '.' && !strchr(name, '/');
}

int store_collateral_add(const char *dir, const char *name, const void *data, size_t size,
                         struct err *e)
{
	char path[PATH_MAX];

	if (!is_plain_name(name))
		return err_set(e, -EINVAL, "collateral: '%.80s' is no plain file name", name);
	if (size > STORE_COLLATERAL_MAX)
		return err_set(e, -EFBIG, "collateral: %.80s: more than %u bytes", name,
		               STORE_COLLATERAL_MAX);
	if (snprintf(path, sizeof(path), "%s/collateral", dir) >= (int)sizeof(path))
		return err_set(e, -ENAMETOOLONG, "%s", dir);
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "%s", path);
	return write_file(path, name, data, size, e);
}

void store_collateral_free(struct bytes *file, size_t count)
{
	for (size_t i = 0; file && i < count; i++)
		free((void *)file[i].data);
	free(file);
}

static int plain_files(const struct dirent *entry)
{
	return is_plain_name(entry->d_name);
}

static int read_files(const char *path, struct dirent *const *entry, int count, struct bytes *ret,
                      struct err *e)
{
	for (int i = 0; i < count; i++) {
		char name[PATH_MAX];
		uint8_t *data;
		int r;

		if (snprintf(name, sizeof(name), "%s/%s", path, entry[i]->d_name) >=
		    (int)sizeof(name))
			return err_set(e, -ENAMETOOLONG, "%s", path);
		r = read_file(name, STORE_COLLATERAL_MAX, &data, &ret[i].size, e);
		if (r < 0)
			return r;
		ret[i].data = data;
	}
	return 0;
}

int store_collateral(const char *dir, struct bytes **ret, size_t *ret_count, struct err *e)
{
	struct dirent **entry = NULL;
	struct bytes *file = NULL;
	char path[PATH_MAX];
	int r = 0, n;

	if (snprintf(path, sizeof(path), "%s/collateral", dir) >= (int)sizeof(path))
		return err_set(e, -ENAMETOOLONG, "%s", dir);
	n = scandir(path, &entry, plain_files, alphasort);
	if (n < 0 && errno != ENOENT)
		return err_sys(e, -errno, "%s", path);
	n = n < 0 ? 0 : n;
	if (n > STORE_COLLATERAL_FILES)
		r = err_set(e, -EFBIG, "%s: more than %d files", path, STORE_COLLATERAL_FILES);
	else if (!(file = calloc((size_t)n + 1, sizeof(*file))))
		r = err_set(e, -ENOMEM, "out of memory");
	else
		r = read_files(path, entry, n, file, e);
	for (int i = 0; i < n; i++)
		free(entry[i]);
	free(entry);
	if (r < 0) {
		store_collateral_free(file, (size_t)n);
		return r;
	}
	*ret = file;
	*ret_count = (size_t)n;
	return 0;
}

/* ---- the record ---- */

int store_save(const struct run_record *record, struct err *e)
{
	_cleanup_(freep) char *text = NULL;
	int r = record_to_json(record, &text, e);

	if (r == 0 && record->root_pem)
		r = write_file(record->dir, "root.pem", record->root_pem, strlen(record->root_pem),
		               e);
	if (r == 0)
		r = write_file(record->dir, "run.json", text, strlen(text), e);
	return r;
}

int store_load(const char *dir, struct run_record *ret, struct err *e)
{
	_cleanup_(freep) uint8_t *text = NULL, *pem = NULL;
	struct run_record record = {0};
	char path[PATH_MAX];
	size_t size;
	int r;

	if (snprintf(path, sizeof(path), "%s/root.pem", dir) >= (int)sizeof(path))
		return err_set(e, -ENAMETOOLONG, "%s", dir);
	r = read_file(path, ROOT_MAX, &pem, &size, e);
	if (r < 0 && r != -ENOENT)
		return r;
	snprintf(path, sizeof(path), "%s/run.json", dir);
	r = read_file(path, RECORD_MAX, &text, &size, e);
	if (r < 0)
		return r;
	r = record_from_json((const char *)text, size, &record, e);
	if (r < 0) {
		err_prefix(e, "%s", path);
		return r;
	}
	record.root_pem = (char *)TAKE_PTR(pem);
	record.dir = strdup(dir);
	if (!record.dir) {
		run_record_done(&record);
		return err_set(e, -ENOMEM, "out of memory");
	}
	*ret = record;
	return 0;
}

int store_channel(const char *dir, const char *boot_id, uint8_t **ret, size_t *ret_size,
                  struct err *e)
{
	char path[PATH_MAX];
	int r;

	if (snprintf(path, sizeof(path), "%s/boots/%s/channel.bin", dir, boot_id) >=
	    (int)sizeof(path))
		return err_set(e, -ENAMETOOLONG, "%s", dir);
	r = read_file(path, CHANNEL_MAX, ret, ret_size, e);
	if (r != -ENOENT)
		return r;
	*ret = calloc(1, 1);
	*ret_size = 0;
	return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}
