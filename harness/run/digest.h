/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "core/err.h"
#include "format/sha2.h"

/*
 * SHA-256 of a file that a run is made of, as hash256_file() has it. Of a large one that is as it was
 * when an earlier run hashed it (device, inode, size, times; the inode's own time, ctime, is nobody's
 * to set) the digest is taken from there: $XDG_CACHE_HOME/tception/digests, or ~/.cache. Without
 * such a place each file is hashed.
 */
int digest_file(const char *path, uint64_t *ret_size, uint8_t digest[SHA256_SIZE], struct err *e);
