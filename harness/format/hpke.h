/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Hybrid public key encryption (RFC 9180) in base mode, one message: DHKEM(X25519, HKDF-SHA256)
 * (0x0020), HKDF-SHA256 (0x0001), ChaCha20Poly1305 (0x0003). This is its key schedule alone, which
 * both sides share; X25519 and the AEAD are their crypto libraries' (trust/seal.c,
 * guests/agent/secret.c).
 */
#define HPKE_SUITE      "DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305"
#define HPKE_KEY_SIZE   32 /* of X25519's keys, and of the AEAD's */
#define HPKE_NONCE_SIZE 12
#define HPKE_TAG_SIZE   16
#define HPKE_INFO_MAX   512

/*
 * What the first message is sealed with (sections 4.1 and 5.1). `dh` is X25519 of the ephemeral key
 * `enc` and the recipient's key, whose caller has refused a result of zeroes (section 7.1.4). `info`
 * has at most HPKE_INFO_MAX bytes.
 */
void hpke_schedule(const uint8_t dh[HPKE_KEY_SIZE], const uint8_t enc[HPKE_KEY_SIZE],
                   const uint8_t recipient[HPKE_KEY_SIZE], const void *info, size_t info_size,
                   uint8_t ret_key[HPKE_KEY_SIZE], uint8_t ret_nonce[HPKE_NONCE_SIZE]);

/*
 * A secret for one layer of one visit: sealed, it is the ephemeral key, the ciphertext and the
 * AEAD's tag, with "tception-secret-v1" 00, the visit's nonce and the layer's ID as `info` and a second
 * nonce as associated data. The layer proves that it has it by HMAC-SHA256, the secret as key, over
 * "tception-proof-v1" 00, the second nonce and the layer's ID.
 */
#define SECRET_SIZE        32
#define SECRET_NONCE_SIZE  32
#define SECRET_PROOF_SIZE  32
#define SECRET_SEALED_SIZE (HPKE_KEY_SIZE + SECRET_SIZE + HPKE_TAG_SIZE)

/* The bytes written to `info`. An ID longer than 255 bytes is cut there. */
size_t secret_info(const uint8_t nonce[32], const char *layer_id, uint8_t info[HPKE_INFO_MAX]);
void secret_proof(const uint8_t secret[SECRET_SIZE], const uint8_t nonce[SECRET_NONCE_SIZE],
                  const char *layer_id, uint8_t ret[SECRET_PROOF_SIZE]);
