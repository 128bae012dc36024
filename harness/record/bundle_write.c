/* SPDX-License-Identifier: Apache-2.0 */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/library.h"
#include "record/bundle.h"
#include "record/store.h"

#define PART  (128u << 10) /* bytes read at once */
#define LEVEL "9"          /* of zstd: consoles and frames in base64 shrink to a tenth */

#define ARCHIVE_API(X, api)                             \
	X(api, archive_write_new)                       \
	X(api, archive_write_free)                      \
	X(api, archive_write_add_filter_zstd)           \
	X(api, archive_write_set_filter_option)         \
	X(api, archive_write_set_format_pax_restricted) \
	X(api, archive_write_set_bytes_in_last_block)   \
	X(api, archive_write_open)                      \
	X(api, archive_write_header)                    \
	X(api, archive_write_data)                      \
	X(api, archive_write_close)                     \
	X(api, archive_error_string)                    \
	X(api, archive_entry_new)                       \
	X(api, archive_entry_free)                      \
	X(api, archive_entry_set_pathname)              \
	X(api, archive_entry_set_filetype)              \
	X(api, archive_entry_set_perm)                  \
	X(api, archive_entry_set_size)                  \
	X(api, archive_entry_set_mtime)

struct archive_api {
	ARCHIVE_API(LIBRARY_MEMBER, struct archive_api)
};

struct writer {
	struct archive_api api;
	struct archive *archive;
	const char *dir; /* the run's */
	time_t time;     /* of all members: when the run began */
	FILE *out;
	struct sha256 hash; /* of what was written to it */
};

/* ---- which files ---- */

static const char *const of_run[] = {STORE_CASES, "host.json", STORE_PARTS, "root.pem", "run.json"};
static const char *const folder[] = {"collateral", "shards"}; /* of files of any name */
static const char *const of_boot[] = {"channel.bin", "console.log", "module.log", "prediction.json",
                                      "qemu.log"};

static bool is_one_of(const char *name, const char *const *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(name, all[i]) == 0)
			return true;
	}
	return false;
}

/* A file's or a folder's name, `size` bytes of it. */
static bool is_plain(const char *name, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      strchr("._+@,=-", c)) ||
		    !c)
			return false;
	}
	return size > 0 && name[0] != '.';
}

bool bundle_name_is_good(const char *name)
{
	const char *slash = strrchr(name, '/');

	if (strlen(name) >= BUNDLE_NAME_MAX)
		return false;
	if (!slash)
		return is_one_of(name, of_run, COUNT_OF(of_run));
	for (size_t i = 0; i < COUNT_OF(folder); i++) {
		size_t n = strlen(folder[i]);

		if (strncmp(name, folder[i], n) == 0 && name[n] == '/')
			return slash == name + n && is_plain(slash + 1, strlen(slash + 1));
	}
	return strncmp(name, "boots/", 6) == 0 && slash > name + 6 &&
	       is_plain(name + 6, (size_t)(slash - name) - 6) &&
	       is_one_of(slash + 1, of_boot, COUNT_OF(of_boot));
}

static int hash_part(void *hash, const void *data, size_t size, struct err *e)
{
	(void)e;
	sha256_update(hash, data, size);
	return 0;
}

/* A file that is not there is left out. */
static int add(struct bundle *b, const char *dir, const char *name, struct err *e)
{
	struct bundle_member *m;
	struct sha256 h;
	int r;

	if (!bundle_name_is_good(name))
		return err_set(e, -EINVAL,
		               "%s/%.150s: no name for a bundle: at most 99 letters, digits and "
		               "._+@,=- : rename it",
		               dir, name);
	if (b->members == BUNDLE_MEMBERS_MAX)
		return err_set(e, -EFBIG, "%s: more than %d files", dir, BUNDLE_MEMBERS_MAX);
	m = reallocarray(b->member, b->members + 1, sizeof(*m));
	if (!m)
		return err_nomem(e);
	b->member = m;
	m += b->members;
	*m = (struct bundle_member){0};
	memcpy(m->name, name, strlen(name));
	sha256_init(&h);
	r = file_each_part(dir, name, hash_part, &h, &m->size, e);
	if (r == -ENOENT)
		return 0;
	if (r == 0) {
		sha256_final(&h, m->sha256);
		b->members++;
	}
	return r;
}

static int add_folder(struct bundle *b, const char *dir, const char *of, struct err *e)
{
	char path[PATH_MAX], name[PATH_MAX];
	struct dirent **entry = NULL;
	int n, r = path_join(path, dir, of, e);

	if (r < 0)
		return r;
	n = scandir(path, &entry, NULL, alphasort);
	if (n < 0 && errno != ENOENT)
		return err_sys(e, -errno, "%s", path);
	for (int i = 0; i < n; i++) {
		if (r == 0 && entry[i]->d_name[0] != '.')
			r = path_join(name, of, entry[i]->d_name, e)
			            ?: add(b, dir, name, e);
		free(entry[i]);
	}
	free(entry);
	return r;
}

static int by_name(const void *a, const void *b)
{
	const struct bundle_member *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int bundle_collect(const struct run_record *run, struct bundle *b, struct err *e)
{
	char name[PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < COUNT_OF(of_run) && r == 0; i++)
		r = add(b, run->dir, of_run[i], e);
	for (size_t i = 0; i < COUNT_OF(folder) && r == 0; i++)
		r = add_folder(b, run->dir, folder[i], e);
	for (size_t i = 0; i < run->boots; i++) {
		for (size_t k = 0; k < COUNT_OF(of_boot) && r == 0; k++)
			r = path_format(name, e, "boots/%s/%s", run->boot[i].boot.id, of_boot[k])
			            ?: add(b, run->dir, name, e);
	}
	if (r == 0)
		qsort(b->member, b->members, sizeof(*b->member), by_name);
	return r;
}

/* ---- the archive ---- */

static int failed(struct writer *w, struct err *e)
{
	if (ferror(w->out))
		return err_sys(e, -EIO, "the bundle"); /* file_commit() knows better */
	return err_set(e, -EIO, "libarchive: %s",
	               w->api.archive_error_string(w->archive) ?: "it gave up");
}

static la_ssize_t put(struct archive *a, void *userdata, const void *data, size_t size)
{
	struct writer *w = userdata;

	(void)a;
	sha256_update(&w->hash, data, size);
	return fwrite(data, 1, size, w->out) == size ? (la_ssize_t)size : -1;
}

static int put_part(void *userdata, const void *data, size_t size, struct err *e)
{
	struct writer *w = userdata;

	return w->api.archive_write_data(w->archive, data, size) == (la_ssize_t)size ? 0
	                                                                             : failed(w, e);
}

static int put_header(struct writer *w, const char *name, uint64_t size, struct err *e)
{
	struct archive_entry *entry = w->api.archive_entry_new();
	int r;

	if (!entry)
		return err_nomem(e);
	w->api.archive_entry_set_pathname(entry, name);
	w->api.archive_entry_set_filetype(entry, AE_IFREG);
	w->api.archive_entry_set_perm(entry, 0644);
	w->api.archive_entry_set_size(entry, (la_int64_t)size);
	w->api.archive_entry_set_mtime(entry, w->time, 0);
	r = w->api.archive_write_header(w->archive, entry) == ARCHIVE_OK ? 0 : failed(w, e);
	w->api.archive_entry_free(entry);
	return r;
}

struct hashed_writer {
	struct writer *w;
	struct sha256 hash;
};

static int put_and_hash(void *userdata, const void *data, size_t size, struct err *e)
{
	struct hashed_writer *h = userdata;

	sha256_update(&h->hash, data, size);
	return put_part(h->w, data, size, e);
}

static int put_member(struct writer *w, const struct bundle_member *m, struct err *e)
{
	struct hashed_writer h = {.w = w};
	uint8_t digest[SHA256_SIZE];
	uint64_t size = 0;
	int r = put_header(w, m->name, m->size, e);

	sha256_init(&h.hash);
	if (r == 0)
		r = file_each_part(w->dir, m->name, put_and_hash, &h, &size, e);
	sha256_final(&h.hash, digest);
	if (size != m->size || (r == 0 && memcmp(digest, m->sha256, SHA256_SIZE) != 0))
		return err_set(e, -EBUSY, "%s/%s changed meanwhile: does the run go on?", w->dir,
		               m->name);
	return r;
}

static int put_all(struct writer *w, const char *statement, const struct bundle *b, struct err *e)
{
	struct archive_api *api = &w->api;
	int r;

	if (api->archive_write_add_filter_zstd(w->archive) != ARCHIVE_OK ||
	    api->archive_write_set_filter_option(w->archive, "zstd", "compression-level", LEVEL) !=
	            ARCHIVE_OK ||
	    api->archive_write_set_format_pax_restricted(w->archive) != ARCHIVE_OK ||
	    api->archive_write_set_bytes_in_last_block(w->archive, 1) != ARCHIVE_OK ||
	    api->archive_write_open(w->archive, w, NULL, put, NULL) != ARCHIVE_OK)
		return failed(w, e);
	r = put_header(w, BUNDLE_STATEMENT, strlen(statement), e);
	if (r == 0)
		r = put_part(w, statement, strlen(statement), e);
	for (size_t i = 0; i < b->members && r == 0; i++)
		r = put_member(w, &b->member[i], e);
	if (r == 0 && api->archive_write_close(w->archive) != ARCHIVE_OK)
		r = failed(w, e);
	return r;
}

static int write_archive(struct writer *w, const char *statement, struct bundle *b,
                         const char *path, struct err *e)
{
	static const struct library_symbol symbols[] = {
	        ARCHIVE_API(LIBRARY_SYMBOL, struct archive_api)};
	static const struct library want = {
	        .package = "libarchive13",
	        .names = {"libarchive.so.13"},
	        .symbols = symbols,
	        .symbols_count = COUNT_OF(symbols),
	};
	_cleanup_(file_abandon) struct file_new f = {0};
	int r = library_load(&want, &w->api, e);

	if (r == 0)
		r = file_begin(&f, path, e);
	if (r < 0)
		return r;
	w->out = f.stream;
	sha256_init(&w->hash);
	w->archive = w->api.archive_write_new();
	r = w->archive ? put_all(w, statement, b, e) : err_nomem(e);
	if (w->archive)
		w->api.archive_write_free(w->archive);
	sha256_final(&w->hash, b->sha256);
	if (r < 0 && !ferror(f.stream))
		return r;
	return file_commit(&f, e);
}

static int write_run(const struct run_record *run, const char *path, struct bundle *b,
                     struct err *e)
{
	_cleanup_(freep) char *statement = NULL;
	struct writer w = {.dir = run->dir, .time = (time_t)run->started};
	int r = bundle_collect(run, b, e);

	if (r == 0)
		r = bundle_statement(run, b, &statement, e);
	if (r == 0 && strlen(statement) > BUNDLE_STATEMENT_MAX)
		r = err_set(e, -EFBIG, "%s: too many files for a bundle", run->dir);
	return r < 0 ? r : write_archive(&w, statement, b, path, e);
}

int bundle_write(const char *dir, const char *path, struct bundle *ret, struct err *e)
{
	_cleanup_(bundle_done) struct bundle b = {0};
	struct run_record run = {0};
	int r = store_load(dir, &run, e);

	if (r < 0)
		return r;
	r = write_run(&run, path, &b, e);
	run_record_done(&run);
	if (r == 0)
		*ret = TAKE(b, (struct bundle){0});
	return r;
}
