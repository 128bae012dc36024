/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "format/hpke.h"

/*
 * A secret sealed for one key, by HPKE (format/hpke.h). OpenSSL has HPKE whole from 3.2 on; this is it
 * by EVP, for those before it, too.
 */

/*
 * Seals `secret` with a new ephemeral key. -EBADMSG: the recipient's key is none that X25519 gives a
 * secret with; -EIO: OpenSSL can't.
 */
int seal(const uint8_t recipient[HPKE_KEY_SIZE], const void *info, size_t info_size,
         const void *associated, size_t associated_size, const uint8_t secret[SECRET_SIZE],
         uint8_t ret[SECRET_SEALED_SIZE], struct err *e);

/* The same of any size by this ephemeral key, for tests: `ret` gets 48 bytes more than `size`. */
int seal_by(const uint8_t ephemeral[HPKE_KEY_SIZE], const uint8_t recipient[HPKE_KEY_SIZE],
            const void *info, size_t info_size, const void *associated, size_t associated_size,
            const void *text, size_t size, uint8_t *ret, struct err *e);
