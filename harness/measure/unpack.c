/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/library.h"
#include "format/bytes.h"

#define STEP        (1u << 20) /* bytes by which the room for unpacked ones grows */
#define ENTRIES_MAX 10000

#define ARCHIVE_API(X, api)                      \
	X(api, archive_read_new)                 \
	X(api, archive_read_free)                \
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

/* An archive being read and the functions to read it with. */
struct unpacker {
	struct archive_api api;
	struct archive *archive;
};

static void unpacker_done(struct unpacker *u)
{
	if (u->archive)
		u->api.archive_read_free(u->archive);
}

static int unpacker_init(struct unpacker *u, struct err *e)
{
	static const struct library_symbol symbols[] = {
	        ARCHIVE_API(LIBRARY_SYMBOL, struct archive_api)};
	static const struct library want = {
	        .package = "libarchive13",
	        .names = {"libarchive.so.13"},
	        .symbols = symbols,
	        .symbols_count = COUNT_OF(symbols),
	};
	int r = library_load(&want, &u->api, e);

	if (r < 0)
		return r;
	u->archive = u->api.archive_read_new();
	return u->archive ? 0 : err_sys(e, -ENOMEM, "libarchive");
}

/* Reads all there is, at most `room` bytes. */
static int read_all(struct unpacker *u, size_t room, struct bytes *ret, struct err *e)
{
	_cleanup_(freep) uint8_t *out = NULL;
	size_t used = 0, size = 0;
	la_ssize_t n;

	do {
		if (used == size) {
			uint8_t *grown = realloc(out, size + STEP);

			if (!grown)
				return err_sys(e, -ENOMEM, "LZMA stream");
			out = grown;
			size += STEP;
		}
		n = u->api.archive_read_data(u->archive, out + used, size - used);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0 && used <= room);
	if (n < 0 || used > room)
		return err_set(e, -EBADMSG, "%s",
		               n < 0 ? "damaged LZMA stream" : "too much compressed data");
	*ret = (struct bytes){TAKE_PTR(out), used};
	return 0;
}

int unpack_lzma(struct bytes packed, size_t room, struct bytes *ret, struct err *e)
{
	_cleanup_(unpacker_done) struct unpacker u = {.archive = NULL};
	struct archive_entry *entry;
	int r = unpacker_init(&u, e);

	if (r < 0)
		return r;
	/* to libarchive any stream is a "raw" archive of one file */
	if (u.api.archive_read_support_filter_lzma(u.archive) < ARCHIVE_WARN ||
	    u.api.archive_read_support_format_raw(u.archive) != ARCHIVE_OK ||
	    u.api.archive_read_open_memory(u.archive, packed.data, packed.size) != ARCHIVE_OK ||
	    u.api.archive_read_next_header(u.archive, &entry) != ARCHIVE_OK ||
	    u.api.archive_filter_code(u.archive, 0) != ARCHIVE_FILTER_LZMA)
		return err_set(e, -EBADMSG, "no LZMA stream");
	return read_all(&u, room, ret, e);
}

static bool is_file(const struct unpacker *u, struct archive_entry *entry, const char *path)
{
	const char *name = u->api.archive_entry_pathname(entry);

	if (name && strncmp(name, "./", 2) == 0)
		name += 2;
	return name && strcmp(name, path) == 0 && u->api.archive_entry_filetype(entry) == AE_IFREG;
}

/* What the entry just found holds. */
static int read_file(struct unpacker *u, struct archive_entry *entry, size_t max, struct bytes *ret,
                     struct err *e)
{
	_cleanup_(freep) uint8_t *data = NULL;
	int64_t size = u->api.archive_entry_size(entry);

	if (size <= 0 || (uint64_t)size > max)
		return err_set(e, -ENOENT, "empty or larger than %zu bytes", max);
	data = malloc((size_t)size);
	if (!data)
		return err_sys(e, -ENOMEM, "cpio archive");
	if (u->api.archive_read_data(u->archive, data, (size_t)size) != size)
		return err_set(e, -ENOENT, "cut off");
	*ret = (struct bytes){TAKE_PTR(data), (size_t)size};
	return 0;
}

int unpack_cpio_file(struct bytes archive, const char *path, size_t max, struct bytes *ret,
                     struct err *e)
{
	_cleanup_(unpacker_done) struct unpacker u = {.archive = NULL};
	struct archive_entry *entry;
	int r = unpacker_init(&u, e);

	if (r < 0)
		return r;
	if (u.api.archive_read_support_format_cpio(u.archive) != ARCHIVE_OK ||
	    u.api.archive_read_open_memory(u.archive, archive.data, archive.size) != ARCHIVE_OK)
		return err_set(e, -ENOENT, "no cpio archive");
	for (int i = 0; i < ENTRIES_MAX; i++) {
		if (u.api.archive_read_next_header(u.archive, &entry) != ARCHIVE_OK)
			break;
		if (is_file(&u, entry, path)) {
			r = read_file(&u, entry, max < archive.size ? max : archive.size, ret, e);
			return r < 0 ? err_prefix(e, "%s", path) : 0;
		}
	}
	return err_set(e, -ENOENT, "no cpio archive with a file %s", path);
}
