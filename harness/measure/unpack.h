/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "format/bytes.h"

/* What libarchive reads for this room, loaded when it is first needed, each time in a confined process
 * of its own (core/confine.h). */

/* Unpacks an .lzma stream ("LZMA alone"), at most `room` bytes. Caller frees *ret. Returns 0, or
 * -EBADMSG when it is none, is damaged or holds more; -ENOPKG without libarchive. */
int unpack_lzma(struct bytes packed, size_t room, struct bytes *ret, struct err *e);

/* The regular file `path` ("./" in front of its name does not count) of a cpio archive (not
 * compressed), at most `max` bytes. Caller frees *ret. Returns 0, -ENOENT or -ENOPKG. */
int unpack_cpio_file(struct bytes archive, const char *path, size_t max, struct bytes *ret,
                     struct err *e);
