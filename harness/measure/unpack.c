/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/confine.h"
#include "core/library.h"
#include "format/bytes.h"

#define ENTRIES_MAX 10000

#define READER_MEMORY  (256u << 20) /* bytes; a dictionary of LZMA is at most 64 MiB here */
#define READER_SECONDS 60           /* of processor time */

#define ARCHIVE_API(X, api)                      \
	X(api, archive_read_new)                 \
	X(api, archive_read_support_filter_lzma) \
	X(api, archive_read_support_format_raw)  \
	X(api, archive_read_support_format_cpio) \
	X(api, archive_read_open_memory)         \
	X(api, archive_read_next_header)         \
	X(api, archive_read_data)                \
	X(api, archive_filter_code)              \
	X(api, archive_entry_pathname)           \
	X(api, archive_entry_filetype)           \
	X(api, archive_entry_size)

struct archive_api {
	ARCHIVE_API(LIBRARY_MEMBER, struct archive_api)
};

/* An archive being read, what of it is wanted, and the functions to read it with. */
struct unpacker {
	struct archive_api api;
	struct archive *archive;
	struct bytes packed;
	const char *path; /* of a file in a cpio archive; NULL: all of an LZMA stream */
	size_t max;       /* bytes */
};

/* ---- in the confined process, where nothing need be given back ---- */

static int send_all(struct unpacker *u, struct confined *c, struct err *e)
{
	uint8_t *out = confined_buffer(c);
	size_t used = 0;
	la_ssize_t n;

	while ((n = u->api.archive_read_data(u->archive, out, CONFINED_PART)) > 0) {
		used += (size_t)n;
		if (used > u->max)
			return err_set(e, -EBADMSG, "too much compressed data");
		confined_write(c, out, (size_t)n);
	}
	return n < 0 ? err_set(e, -EBADMSG, "damaged LZMA stream") : 0;
}

static int read_lzma(struct unpacker *u, struct confined *c, struct err *e)
{
	struct archive_entry *entry;

	/* to libarchive any stream is a "raw" archive of one file */
	if (u->api.archive_read_support_filter_lzma(u->archive) < ARCHIVE_WARN ||
	    u->api.archive_read_support_format_raw(u->archive) != ARCHIVE_OK ||
	    u->api.archive_read_open_memory(u->archive, u->packed.data, u->packed.size) !=
	            ARCHIVE_OK ||
	    u->api.archive_read_next_header(u->archive, &entry) != ARCHIVE_OK ||
	    u->api.archive_filter_code(u->archive, 0) != ARCHIVE_FILTER_LZMA)
		return err_set(e, -EBADMSG, "no LZMA stream");
	return send_all(u, c, e);
}

static bool is_file(const struct unpacker *u, struct archive_entry *entry)
{
	const char *name = u->api.archive_entry_pathname(entry);

	if (name && strncmp(name, "./", 2) == 0)
		name += 2;
	return name && strcmp(name, u->path) == 0 &&
	       u->api.archive_entry_filetype(entry) == AE_IFREG;
}

/* What the entry just found holds. */
static int send_file(struct unpacker *u, struct confined *c, struct archive_entry *entry,
                     struct err *e)
{
	int64_t size = u->api.archive_entry_size(entry), left = size;
	uint8_t *out = confined_buffer(c);
	la_ssize_t n;

	if (size <= 0 || (uint64_t)size > u->max || (uint64_t)size > u->packed.size)
		return err_set(e, -ENOENT, "%s: empty or larger than %zu bytes", u->path, u->max);
	while (left > 0 && (n = u->api.archive_read_data(u->archive, out, CONFINED_PART)) > 0) {
		confined_write(c, out, (size_t)(n < left ? n : left));
		left -= n < left ? n : left;
	}
	return left > 0 ? err_set(e, -ENOENT, "%s: cut off", u->path) : 0;
}

static int read_cpio(struct unpacker *u, struct confined *c, struct err *e)
{
	struct archive_entry *entry;

	if (u->api.archive_read_support_format_cpio(u->archive) != ARCHIVE_OK ||
	    u->api.archive_read_open_memory(u->archive, u->packed.data, u->packed.size) !=
	            ARCHIVE_OK)
		return err_set(e, -ENOENT, "no cpio archive");
	for (int i = 0; i < ENTRIES_MAX; i++) {
		if (u->api.archive_read_next_header(u->archive, &entry) != ARCHIVE_OK)
			break;
		if (is_file(u, entry))
			return send_file(u, c, entry, e);
	}
	return err_set(e, -ENOENT, "no cpio archive with a file %s", u->path);
}

static int serve(void *userdata, struct confined *c, struct bytes request, struct err *e)
{
	struct unpacker *u = userdata;

	(void)request;
	u->archive = u->api.archive_read_new();
	if (!u->archive)
		return err_nomem(e);
	return u->path ? read_cpio(u, c, e) : read_lzma(u, c, e);
}

/* ---- its caller ---- */

static int unpack(struct unpacker *u, const char *what, struct bytes *ret, struct err *e)
{
	static const struct library_symbol symbols[] = {
	        ARCHIVE_API(LIBRARY_SYMBOL, struct archive_api)};
	static const struct library want = {
	        .package = "libarchive13",
	        .names = {"libarchive.so.13"},
	        .symbols = symbols,
	        .symbols_count = COUNT_OF(symbols),
	};
	const struct confined_spec spec = {
	        .what = what,
	        .serve = serve,
	        .userdata = u,
	        .fd = -1,
	        .memory = u->max + READER_MEMORY,
	        .seconds = READER_SECONDS,
	};
	struct confined *reader = NULL;
	int r = library_load(&want, &u->api, e);

	if (r == 0)
		r = confined_start(&spec, &reader, e);
	if (r == 0)
		r = confined_read(reader, (struct bytes){(const uint8_t *)"", 1}, u->max, ret, e);
	confined_end(reader);
	return r;
}

int unpack_lzma(struct bytes packed, size_t room, struct bytes *ret, struct err *e)
{
	struct unpacker u = {.packed = packed, .max = room};

	return unpack(&u, "LZMA stream", ret, e);
}

int unpack_cpio_file(struct bytes archive, const char *path, size_t max, struct bytes *ret,
                     struct err *e)
{
	struct unpacker u = {.packed = archive, .path = path, .max = max};

	return unpack(&u, "cpio archive", ret, e);
}
