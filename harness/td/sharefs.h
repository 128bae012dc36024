/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/*
 * A folder of this machine for a guest's kernel, which asks by the FUSE protocol (linux/fuse.h, 7.31):
 * one message in, at most one out, in the guest's and this machine's little-endian order.
 *
 * The guest is hostile. It names files by a folder that it has already and one name in there,
 * which is no "..", so that it gets nowhere else; links are never followed here, and those that it
 * makes lead down only. It opens files and folders, no devices, pipes or sockets, makes none of them,
 * and sets no set-user-ID bits. What is mounted in the folder, a bind mount too, is not there. What
 * is the owner's is root's in the guest.
 */
#define SHAREFS_DATA_MAX    (128u << 10) /* bytes of one read or write */
#define SHAREFS_MESSAGE_MAX (SHAREFS_DATA_MAX + 4096)
#define SHAREFS_NODES_MAX   65536 /* files that the guest knows at once, each a descriptor here */
#define SHAREFS_OPEN_MAX    1024  /* files and folders that it has open */

struct sharefs;

/* Whether this machine's kernel can tell what is mounted in a folder: 0, or -errno of openat2(). */
int sharefs_possible(int root);
/* `root` is a folder's descriptor, which it takes over. */
int sharefs_new(int root, bool read_only, struct sharefs **ret, struct err *e);
void sharefs_free(struct sharefs *s);
/* Bytes of the answer; 0: there is none to this message. */
size_t sharefs_answer(struct sharefs *s, const uint8_t *request, size_t size,
                      uint8_t answer[SHAREFS_MESSAGE_MAX]);
