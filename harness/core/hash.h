/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/view.h"
#include "format/sha2.h"

/*
 * SHA-384 of much data (kernels, firmware), by OpenSSL, which is about twice as fast as
 * format/sha2.h, which takes over where OpenSSL cannot. No failure. hash384_final() gives back
 * what hash384_init() took.
 */
struct hash384 {
	void *evp; /* OpenSSL's context, or NULL */
	struct sha512 plain;
};

void hash384_init(struct hash384 *h);
void hash384_update(struct hash384 *h, const void *data, size_t size);
void hash384_final(struct hash384 *h, uint8_t digest[SHA384_SIZE]);

void hash384(const void *data, size_t size, uint8_t digest[SHA384_SIZE]);

/* hash384_update() as view_pour() wants it, and all of it for bytes that may be in a view, or NULL. */
void hash384_take(void *h, const void *data, size_t size);
void hash384_view(const struct view *v, struct bytes b, uint8_t digest[SHA384_SIZE]);

/* SHA-256 of a file, a device or a pipe, by OpenSSL. */
int hash256_file(const char *path, uint64_t *ret_size, uint8_t digest[SHA256_SIZE], struct err *e);

/* A file of any size that is only hashed: never more than a piece of it is in memory. */
struct hashed_file {
	uint64_t size; /* bytes */
	uint8_t digest[SHA384_SIZE];
};
int hash384_file(const char *path, struct hashed_file *ret, struct err *e);
