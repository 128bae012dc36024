/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "core/err.h"
#include "format/sha2.h"

/*
 * SHA-256 of a file that a run is made of, as hash256_file() has it. Of a large one that is as it was
 * when an earlier run hashed it (device, inode, size, times; the inode's own time, ctime, is nobody's
 * to set) the digest is taken from there: $XDG_CACHE_HOME/tception/digests, or ~/.cache. It is kept of
 * an owner's file on ext4, XFS and Btrfs that nobody had open for writing; others are hashed each
 * time, and all without such a place.
 */
int digest_file(const char *path, uint64_t *ret_size, uint8_t digest[SHA256_SIZE], struct err *e);
