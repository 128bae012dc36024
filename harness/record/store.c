/* SPDX-License-Identifier: Apache-2.0 */
#include "record/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"

#define RECORD      "run.json"
#define ROOT        "root.pem"
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
		return err_nomem(e);
	*ret = id;
	return 0;
}

/* No plan was kept in `dir`, and `boots` is empty: a run that was killed before it began. */
static bool is_unbegun(const char *dir, const char *boots)
{
	char path[PATH_MAX];

	return path_join(path, dir, RECORD, NULL) == 0 && access(path, F_OK) < 0 &&
	       errno == ENOENT && rmdir(boots) == 0 && mkdir(boots, 0777) == 0;
}

int store_create(const char *dir, const char *case_path, struct err *e)
{
	_cleanup_(bytes_free) struct bytes cases = {0};
	char path[PATH_MAX];
	int r = file_read(case_path, CASES_MAX, &cases, e);

	if (r == 0)
		r = file_make_dirs(dir, 0777, e);
	if (r == 0)
		r = path_join(path, dir, "boots", e);
	if (r < 0)
		return r;
	if (mkdir(path, 0777) < 0 && (errno != EEXIST || !is_unbegun(dir, path)))
		return errno == EEXIST ? err_set(e, -EEXIST,
		                                 "%s holds a run already: name another folder, or "
		                                 "go on with it by --resume",
		                                 dir)
		                       : err_sys(e, -errno, "%s", path);
	r = path_join(path, dir, STORE_CASES, e);
	return r < 0 ? r : file_write(path, cases.data, cases.size, e);
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
	int r;

	if (!is_plain_name(name))
		return err_set(e, -EINVAL, "collateral: '%.80s' is no plain file name", name);
	if (size > STORE_COLLATERAL_MAX)
		return err_set(e, -EFBIG, "collateral: %.80s: more than %u bytes", name,
		               STORE_COLLATERAL_MAX);
	r = path_join(path, dir, "collateral", e);
	if (r == 0)
		r = file_make_dirs(path, 0777, e);
	if (r == 0)
		r = path_format(path, e, "%s/collateral/%s", dir, name);
	return r < 0 ? r : file_write(path, data, size, e);
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
		int r = path_join(name, path, entry[i]->d_name, e);

		if (r == 0)
			r = file_read(name, STORE_COLLATERAL_MAX, &ret[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

int store_collateral(const char *dir, struct bytes **ret, size_t *ret_count, struct err *e)
{
	struct dirent **entry = NULL;
	struct bytes *file = NULL;
	char path[PATH_MAX];
	int n, r = path_join(path, dir, "collateral", e);

	if (r < 0)
		return r;
	n = scandir(path, &entry, plain_files, alphasort);
	if (n < 0 && errno != ENOENT)
		return err_sys(e, -errno, "%s", path);
	n = n < 0 ? 0 : n;
	if (n > STORE_COLLATERAL_FILES)
		r = err_set(e, -EFBIG, "%s: more than %d files", path, STORE_COLLATERAL_FILES);
	else if (!(file = calloc((size_t)n + 1, sizeof(*file))))
		r = err_nomem(e);
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

/* What may be there of ours and is none of the run's: half-written files, and a socket. */
static bool is_leftover(int dir_fd, const char *name)
{
	static const char *const half[] = {RECORD ".new", ROOT ".new", STORE_CASES ".new",
	                                   "result.json.new"};
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (strcmp(name, STORE_QGS_SOCKET) == 0)
		return S_ISSOCK(st.st_mode);
	for (size_t i = 0; i < COUNT_OF(half); i++) {
		if (strcmp(name, half[i]) == 0)
			return S_ISREG(st.st_mode);
	}
	return false;
}

static int clean(int dir_fd, const char *dir, struct err *e)
{
	DIR *d = fdopendir(dup(dir_fd));
	struct dirent *entry;
	int r = 0;

	if (!d)
		return err_sys(e, -errno, "%s", dir);
	while (r == 0 && (entry = readdir(d))) {
		if (is_leftover(dir_fd, entry->d_name) && unlinkat(dir_fd, entry->d_name, 0) < 0)
			r = err_sys(e, -errno, "%s/%s", dir, entry->d_name);
	}
	closedir(d);
	return r;
}

int store_lock(const char *dir, int *ret_fd, struct err *e)
{
	int fd, r = file_make_dirs(dir, 0777, e);

	if (r < 0)
		return r;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, -errno, "%s", dir);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = errno == EWOULDBLOCK
		            ? err_set(e, -EBUSY, "%s: a run goes on in it: wait for its end", dir)
		            : err_sys(e, -errno, "%s", dir);
	else
		r = clean(fd, dir, e);
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

static int save(const char *dir, const char *name, const char *text, struct err *e)
{
	char path[PATH_MAX];
	int r = path_join(path, dir, name, e);

	return r < 0 ? r : file_write(path, text, strlen(text), e);
}

int store_boot_create(const char *boots_dir, const char *boot_id, int *ret_dir, int *ret_channel,
                      struct err *e)
{
	_cleanup_(closep) int dir = -1;
	char path[PATH_MAX];
	int channel, r = path_join(path, boots_dir, boot_id, e);

	if (r < 0)
		return r;
	if (mkdir(path, 0777) < 0)
		return err_sys(e, -errno, "%s", path);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, -errno, "%s", path);
	channel = openat(dir, "channel.bin", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (channel < 0)
		return err_sys(e, -errno, "%s/channel.bin", path);
	*ret_dir = dir;
	*ret_channel = channel;
	dir = -1;
	return 0;
}

int store_save(const struct run_record *record, struct err *e)
{
	_cleanup_(freep) char *text = NULL;
	int r = record_to_json(record, &text, e);

	if (r == 0 && record->root_pem)
		r = save(record->dir, ROOT, record->root_pem, e);
	return r < 0 ? r : save(record->dir, RECORD, text, e);
}

int store_load(const char *dir, struct run_record *ret, struct err *e)
{
	_cleanup_(bytes_free) struct bytes text = {0}, pem = {0};
	struct run_record record = {0};
	char path[PATH_MAX];
	int r = path_join(path, dir, ROOT, e);

	if (r == 0)
		r = file_read(path, ROOT_MAX, &pem, e);
	if (r == 0 || r == -ENOENT)
		r = path_join(path, dir, RECORD, e);
	if (r == 0)
		r = file_read(path, RECORD_MAX, &text, e);
	if (r == -ENOENT)
		return err_set(e, r,
		               "%s: no such file: this is no run's folder, or its run ended before "
		               "its plan was kept, and booted nothing",
		               path);
	if (r < 0)
		return r;
	r = record_from_json((const char *)text.data, text.size, &record, e);
	if (r < 0) {
		err_prefix(e, "%s", path);
		return r;
	}
	record.root_pem = (char *)TAKE_PTR(pem.data);
	record.dir = strdup(dir);
	if (!record.dir) {
		run_record_done(&record);
		return err_nomem(e);
	}
	*ret = record;
	return 0;
}

int store_channel(const char *dir, const char *boot_id, struct bytes *ret, struct err *e)
{
	char path[PATH_MAX];
	int r = path_format(path, e, "%s/boots/%s/channel.bin", dir, boot_id);

	if (r == 0)
		r = file_read(path, CHANNEL_MAX, ret, e);
	if (r == -ENOENT)
		*ret = (struct bytes){calloc(1, 1), 0};
	return r == -ENOENT ? 0 : r;
}

/* ---- what guests were made of ---- */

#define PARTS_MAX (1u << 20) /* bytes */

static void add_parts(json_t *list, const char *path)
{
	_cleanup_(bytes_free) struct bytes text = {0};
	json_t *o;

	if (file_read(path, PARTS_MAX, &text, NULL) < 0)
		return;
	o = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(o))
		json_array_append(list, o);
	json_decref(o);
}

json_t *store_parts(const char *dir)
{
	json_t *list = json_array();
	char path[PATH_MAX];

	if (list && path_join(path, dir, STORE_PARTS, NULL) == 0)
		add_parts(list, path);
	for (unsigned i = 1; list && i <= SHARDS_MAX; i++) {
		if (path_format(path, NULL, "%s/shards/%u-" STORE_PARTS, dir, i) == 0)
			add_parts(list, path);
	}
	return list;
}
