/* SPDX-License-Identifier: Apache-2.0 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/confine.h"
#include "core/escape.h"
#include "core/file.h"
#include "core/library.h"
#include "record/bundle.h"

#define READER_MEMORY  (256u << 20) /* bytes; zstd's window is at most 128 MiB here */
#define READER_SECONDS 300          /* of processor time */

#define ARCHIVE_API(X, api)                      \
	X(api, archive_read_new)                 \
	X(api, archive_read_support_filter_zstd) \
	X(api, archive_read_support_format_tar)  \
	X(api, archive_read_open)                \
	X(api, archive_read_next_header)         \
	X(api, archive_read_data)                \
	X(api, archive_entry_pathname)           \
	X(api, archive_entry_filetype)           \
	X(api, archive_entry_hardlink)           \
	X(api, archive_entry_size_is_set)        \
	X(api, archive_entry_size)

struct archive_api {
	ARCHIVE_API(LIBRARY_MEMBER, struct archive_api)
};

/* What the confined process says of the next member, and its name behind that. */
struct header {
	uint64_t size;
	uint32_t kind;
	uint32_t name_size;
};
enum { MEMBER_FILE, MEMBER_OTHER, MEMBER_NONE }; /* NONE: the archive is at its end */

/* ---- in the confined process, where nothing need be given back ---- */

struct unpacker {
	struct archive_api api;
	struct archive *archive;
	int fd;
	off_t at;
	uint8_t packed[64 << 10];
};

static la_ssize_t get_packed(struct archive *a, void *userdata, const void **ret)
{
	struct unpacker *u = userdata;
	ssize_t n = pread(u->fd, u->packed, sizeof(u->packed), u->at);

	(void)a;
	u->at += n > 0 ? n : 0;
	*ret = u->packed;
	return n;
}

static int begin(struct unpacker *u, struct err *e)
{
	u->archive = u->api.archive_read_new();
	if (!u->archive)
		return err_nomem(e);
	if (u->api.archive_read_support_filter_zstd(u->archive) != ARCHIVE_OK ||
	    u->api.archive_read_support_format_tar(u->archive) != ARCHIVE_OK ||
	    u->api.archive_read_open(u->archive, u, NULL, get_packed, NULL) != ARCHIVE_OK)
		return err_set(e, -EBADMSG, "no tar archive packed by zstd");
	return 0;
}

static int send_header(struct unpacker *u, struct confined *c, struct err *e)
{
	struct archive_entry *entry;
	struct header h = {.kind = MEMBER_NONE};
	const char *name = "";
	int r = u->api.archive_read_next_header(u->archive, &entry);

	if (r != ARCHIVE_EOF && r != ARCHIVE_OK)
		return err_set(e, -EBADMSG, "damaged archive, or none (tar.zst)");
	if (r == ARCHIVE_OK) {
		name = u->api.archive_entry_pathname(entry) ?: "";
		h.kind = u->api.archive_entry_filetype(entry) == AE_IFREG &&
		                         !u->api.archive_entry_hardlink(entry) &&
		                         u->api.archive_entry_size_is_set(entry)
		                 ? MEMBER_FILE
		                 : MEMBER_OTHER;
		h.size = (uint64_t)u->api.archive_entry_size(entry);
		h.name_size = (uint32_t)strnlen(name, BUNDLE_NAME_MAX);
	}
	confined_write(c, &h, sizeof(h));
	confined_write(c, name, h.name_size);
	return 0;
}

static int send_data(struct unpacker *u, struct confined *c, struct err *e)
{
	uint8_t *out = confined_buffer(c);
	la_ssize_t n;

	while ((n = u->api.archive_read_data(u->archive, out, CONFINED_PART)) > 0)
		confined_write(c, out, (size_t)n);
	return n < 0 ? err_set(e, -EBADMSG, "damaged archive") : 0;
}

static int serve(void *userdata, struct confined *c, struct bytes request, struct err *e)
{
	struct unpacker *u = userdata;
	int r = u->archive ? 0 : begin(u, e);

	if (r < 0)
		return r;
	return request.data[0] == 'h' ? send_header(u, c, e) : send_data(u, c, e);
}

/* ---- its caller ---- */

struct reading {
	struct confined *reader;
	const struct bundle_sink *sink;
	struct sha256 hash;
	uint64_t left; /* bytes of the member */
	uint8_t part[CONFINED_PART];
};

/* The child could change its bytes between hash and sink. */
static int take(void *userdata, const void *data, size_t size, struct err *e)
{
	struct reading *r = userdata;

	memcpy(r->part, data, size);
	sha256_update(&r->hash, r->part, size);
	r->left -= size;
	return r->sink->take(r->sink->userdata, r->part, size, e);
}

static int get_header(struct confined *c, struct header *ret, char name[BUNDLE_NAME_MAX + 1],
                      struct err *e)
{
	_cleanup_(bytes_free) struct bytes b = {0};
	int r = confined_read(c, (struct bytes){(const uint8_t *)"h", 1},
	                      sizeof(*ret) + BUNDLE_NAME_MAX, &b, e);

	if (r < 0)
		return r;
	if (b.size < sizeof(*ret))
		return err_set(e, -EBADMSG, "damaged archive");
	memcpy(ret, b.data, sizeof(*ret));
	if (ret->name_size != b.size - sizeof(*ret) || ret->kind > MEMBER_NONE)
		return err_set(e, -EBADMSG, "damaged archive");
	memcpy(name, b.data + sizeof(*ret), ret->name_size);
	name[ret->name_size] = '\0';
	return 0;
}

static bool is_listed(const struct bundle *b, const char *name)
{
	for (size_t i = 0; i < b->members; i++) {
		if (strcmp(b->member[i].name, name) == 0)
			return true;
	}
	return false;
}

/* The header of the member that the statement has next is `h`, its name `name`. */
static int check_header(const struct bundle *b, const struct bundle_member *m,
                        const struct header *h, const char *name, struct err *e)
{
	char shown[4 * BUNDLE_NAME_MAX + 8];

	text_escape(shown, sizeof(shown), name);
	if (h->kind == MEMBER_OTHER)
		return err_set(e, -EBADMSG, "'%s' is no regular file: a bundle has nothing else",
		               shown);
	if (h->kind == MEMBER_FILE && (!m || !is_listed(b, name)))
		return err_set(e, -EBADMSG,
		               "'%s' is not in the statement, or there twice: it was added", shown);
	if (m && (h->kind == MEMBER_NONE || strcmp(m->name, name) != 0))
		return err_set(e, -EBADMSG, "%s is missing, or not in its place", m->name);
	if (m && h->size != m->size)
		return err_set(e, -EBADMSG,
		               "%s has %llu bytes, the statement says %llu: it was altered",
		               m->name, (unsigned long long)h->size, (unsigned long long)m->size);
	return 0;
}

static int read_member(struct reading *r, const struct bundle_member *m, struct err *e)
{
	uint8_t digest[SHA256_SIZE];
	int rc = r->sink->begin(r->sink->userdata, m, e);

	if (rc < 0)
		return rc;
	sha256_init(&r->hash);
	r->left = m->size;
	rc = confined_ask(r->reader, (struct bytes){(const uint8_t *)"d", 1}, m->size, take, r, e);
	sha256_final(&r->hash, digest);
	if (rc == 0 && (r->left || memcmp(digest, m->sha256, SHA256_SIZE) != 0))
		rc = err_set(e, -EBADMSG,
		             "%s has another SHA-256 than the statement says: it was altered",
		             m->name);
	return rc;
}

static int read_statement(struct confined *c, struct bundle *ret, struct err *e)
{
	_cleanup_(bytes_free) struct bytes text = {0};
	char name[BUNDLE_NAME_MAX + 1];
	struct header h;
	int r = get_header(c, &h, name, e);

	if (r < 0)
		return r;
	if (h.kind != MEMBER_FILE || strcmp(name, BUNDLE_STATEMENT) != 0 ||
	    h.size > BUNDLE_STATEMENT_MAX)
		return err_set(e, -EBADMSG,
		               "no bundle of a run: its first member is no " BUNDLE_STATEMENT);
	r = confined_read(c, (struct bytes){(const uint8_t *)"d", 1}, BUNDLE_STATEMENT_MAX, &text,
	                  e);
	return r < 0 ? r : bundle_statement_read((const char *)text.data, text.size, ret, e);
}

static int read_all(struct reading *r, struct err *e)
{
	_cleanup_(bundle_done) struct bundle b = {0};
	char name[BUNDLE_NAME_MAX + 1];
	struct header h;
	int rc = read_statement(r->reader, &b, e);

	for (size_t i = 0; i <= b.members && rc == 0; i++) {
		const struct bundle_member *m = i < b.members ? &b.member[i] : NULL;

		rc = get_header(r->reader, &h, name, e);
		if (rc == 0)
			rc = check_header(&b, m, &h, name, e);
		if (rc == 0 && m)
			rc = read_member(r, m, e);
	}
	return rc;
}

int bundle_read(int fd, const struct bundle_sink *sink, struct err *e)
{
	static const struct library_symbol symbols[] = {
	        ARCHIVE_API(LIBRARY_SYMBOL, struct archive_api)};
	static const struct library want = {
	        .package = "libarchive13",
	        .names = {"libarchive.so.13"},
	        .symbols = symbols,
	        .symbols_count = COUNT_OF(symbols),
	};
	_cleanup_(freep) struct unpacker *u = calloc(1, sizeof(*u));
	_cleanup_(freep) struct reading *reading = calloc(1, sizeof(*reading));
	const struct confined_spec spec = {
	        .what = "bundle",
	        .serve = serve,
	        .userdata = u,
	        .fd = fd,
	        .memory = READER_MEMORY,
	        .seconds = READER_SECONDS,
	};
	int r = u && reading ? library_load(&want, &u->api, e) : err_nomem(e);

	if (r < 0)
		return r;
	u->fd = fd;
	reading->sink = sink;
	r = confined_start(&spec, &reading->reader, e);
	if (r == 0)
		r = read_all(reading, e);
	confined_end(reading->reader);
	return r;
}
