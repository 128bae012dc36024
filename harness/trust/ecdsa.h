/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trust/ssl.h"

/*
 * ECDSA on P-256 with SHA-256 in the raw form that quotes and collateral use: points are x || y,
 * signatures r || s, each 64 bytes, big-endian. Private to this room.
 */
#define ECDSA_RAW_SIZE 64

/* A key pair. */
int ecdsa_generate(EVP_PKEY **ret, struct err *e);
/* -EBADMSG when the point is not on the curve. */
int ecdsa_from_point(const uint8_t xy[ECDSA_RAW_SIZE], EVP_PKEY **ret, struct err *e);
/* -EBADMSG when the key is not a P-256 one. */
int ecdsa_to_point(EVP_PKEY *key, uint8_t ret_xy[ECDSA_RAW_SIZE], struct err *e);

int ecdsa_sign(EVP_PKEY *key, const void *data, size_t size, uint8_t ret[ECDSA_RAW_SIZE],
               struct err *e);
/* Only one answer is yes; a signature that cannot be evaluated is a wrong one. */
bool ecdsa_verify(EVP_PKEY *key, const uint8_t signature[ECDSA_RAW_SIZE], const void *data,
                  size_t size);
/* The same for a signature as certificates have it: SEQUENCE of two INTEGERs. */
bool ecdsa_verify_der(EVP_PKEY *key, const uint8_t *signature, size_t signature_size,
                      const void *data, size_t size);
