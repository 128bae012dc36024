/* SPDX-License-Identifier: Apache-2.0 */
#include "format/hpke.h"

#include <string.h>

#include "format/sha2.h"

#define ID_MAX   255
#define TEXT_MAX (64 + HPKE_INFO_MAX)

static const uint8_t kem_suite[] = {'K', 'E', 'M', 0, 0x20};
static const uint8_t hpke_suite[] = {'H', 'P', 'K', 'E', 0, 0x20, 0, 1, 0, 3};

/* Bytes put one behind another; all that is put has a bound that fits. */
struct text {
	uint8_t data[TEXT_MAX];
	size_t size;
};

static void put(struct text *t, const void *data, size_t size)
{
	if (size)
		memcpy(t->data + t->size, data, size);
	t->size += size;
}

static size_t length_of(const char *text, size_t max)
{
	size_t n = 0;

	while (n < max && text[n])
		n++;
	return n;
}

/* What LabeledExtract and LabeledExpand put before their input: version, suite, label. */
static void put_label(struct text *t, const uint8_t *suite, size_t suite_size, const char *label)
{
	put(t, "HPKE-v1", 7);
	put(t, suite, suite_size);
	put(t, label, length_of(label, 32));
}

/* `salt` NULL: none, which HMAC takes as zeroes. */
static void extract(const uint8_t *suite, size_t suite_size, const uint8_t *salt, const char *label,
                    const void *ikm, size_t ikm_size, uint8_t prk[SHA256_SIZE])
{
	struct text t = {.size = 0};

	put_label(&t, suite, suite_size, label);
	put(&t, ikm, ikm_size);
	hmac_sha256(salt ? salt : (const uint8_t *)"", salt ? SHA256_SIZE : 0, t.data, t.size, prk);
}

/* At most 32 bytes: HKDF's first block. */
static void expand(const uint8_t *suite, size_t suite_size, const uint8_t prk[SHA256_SIZE],
                   const char *label, const void *info, size_t info_size, uint8_t *out, size_t size)
{
	const uint8_t length[2] = {0, (uint8_t)size}, first = 1;
	uint8_t block[SHA256_SIZE];
	struct text t = {.size = 0};

	put(&t, length, sizeof(length));
	put_label(&t, suite, suite_size, label);
	put(&t, info, info_size);
	put(&t, &first, 1);
	hmac_sha256(prk, SHA256_SIZE, t.data, t.size, block);
	memcpy(out, block, size);
}

void hpke_schedule(const uint8_t dh[HPKE_KEY_SIZE], const uint8_t enc[HPKE_KEY_SIZE],
                   const uint8_t recipient[HPKE_KEY_SIZE], const void *info, size_t info_size,
                   uint8_t ret_key[HPKE_KEY_SIZE], uint8_t ret_nonce[HPKE_NONCE_SIZE])
{
	uint8_t kem_context[2 * HPKE_KEY_SIZE], context[1 + 2 * SHA256_SIZE] = {0 /* base mode */};
	uint8_t prk[SHA256_SIZE], shared[SHA256_SIZE], secret[SHA256_SIZE];

	memcpy(kem_context, enc, HPKE_KEY_SIZE);
	memcpy(kem_context + HPKE_KEY_SIZE, recipient, HPKE_KEY_SIZE);
	extract(kem_suite, sizeof(kem_suite), NULL, "eae_prk", dh, HPKE_KEY_SIZE, prk);
	expand(kem_suite, sizeof(kem_suite), prk, "shared_secret", kem_context, sizeof(kem_context),
	       shared, sizeof(shared));

	extract(hpke_suite, sizeof(hpke_suite), NULL, "psk_id_hash", "", 0, context + 1);
	extract(hpke_suite, sizeof(hpke_suite), NULL, "info_hash", info,
	        info_size < HPKE_INFO_MAX ? info_size : HPKE_INFO_MAX, context + 1 + SHA256_SIZE);
	extract(hpke_suite, sizeof(hpke_suite), shared, "secret", "", 0, secret);
	expand(hpke_suite, sizeof(hpke_suite), secret, "key", context, sizeof(context), ret_key,
	       HPKE_KEY_SIZE);
	expand(hpke_suite, sizeof(hpke_suite), secret, "base_nonce", context, sizeof(context),
	       ret_nonce, HPKE_NONCE_SIZE);
}

size_t secret_info(const uint8_t nonce[32], const char *layer_id, uint8_t info[HPKE_INFO_MAX])
{
	static const char domain[] = "tception-secret-v1"; /* with its NUL */
	struct text t = {.size = 0};

	put(&t, domain, sizeof(domain));
	put(&t, nonce, 32);
	put(&t, layer_id, length_of(layer_id, ID_MAX));
	memcpy(info, t.data, t.size);
	return t.size;
}

void secret_proof(const uint8_t secret[SECRET_SIZE], const uint8_t nonce[SECRET_NONCE_SIZE],
                  const char *layer_id, uint8_t ret[SECRET_PROOF_SIZE])
{
	static const char domain[] = "tception-proof-v1";
	struct text t = {.size = 0};

	put(&t, domain, sizeof(domain));
	put(&t, nonce, SECRET_NONCE_SIZE);
	put(&t, layer_id, length_of(layer_id, ID_MAX));
	hmac_sha256(secret, SECRET_SIZE, t.data, t.size, ret);
}
