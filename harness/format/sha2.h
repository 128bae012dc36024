/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * SHA-256, SHA-384 and SHA-512 (FIPS 180-4) and HMAC-SHA256 (FIPS 198-1) for places with no crypto
 * library: the TDX module and the agent. Contexts own nothing and may be copied.
 */
#define SHA256_SIZE 32
#define SHA384_SIZE 48
#define SHA512_SIZE 64

struct sha256 {
	uint32_t state[8];
	uint64_t length; /* bytes taken so far */
	uint8_t block[64];
};

struct sha512 { /* also SHA-384 */
	uint64_t state[8];
	uint64_t length; /* bytes taken so far */
	uint8_t block[128];
};

void sha256_init(struct sha256 *h);
void sha256_update(struct sha256 *h, const void *data, size_t size);
void sha256_final(struct sha256 *h, uint8_t digest[SHA256_SIZE]);

void sha384_init(struct sha512 *h);
void sha512_init(struct sha512 *h);
void sha512_update(struct sha512 *h, const void *data, size_t size); /* both */
void sha384_final(struct sha512 *h, uint8_t digest[SHA384_SIZE]);
void sha512_final(struct sha512 *h, uint8_t digest[SHA512_SIZE]);

/* One-shot forms. */
void sha256(const void *data, size_t size, uint8_t digest[SHA256_SIZE]);
void sha384(const void *data, size_t size, uint8_t digest[SHA384_SIZE]);
void sha512(const void *data, size_t size, uint8_t digest[SHA512_SIZE]);

void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
                 uint8_t mac[SHA256_SIZE]);
