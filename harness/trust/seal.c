/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/seal.h"

#include <string.h>
#include <sys/random.h>

#include "trust/ssl.h"

static void EVP_CIPHER_CTX_freep(EVP_CIPHER_CTX **p)
{
	EVP_CIPHER_CTX_free(*p);
}

/* X25519; OpenSSL refuses a result of zeroes. */
static int agree(EVP_PKEY *own, const uint8_t other[HPKE_KEY_SIZE], uint8_t dh[HPKE_KEY_SIZE],
                 struct err *e)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *peer =
	        EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, other, HPKE_KEY_SIZE);
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	size_t size = HPKE_KEY_SIZE;

	if (!peer || !ctx || EVP_PKEY_derive_init(ctx) != 1 ||
	    EVP_PKEY_derive_set_peer(ctx, peer) != 1 || EVP_PKEY_derive(ctx, dh, &size) != 1 ||
	    size != HPKE_KEY_SIZE)
		return ssl_err(e, -EBADMSG, "X25519 gives no secret with the layer's key");
	return 0;
}

/* Ciphertext and tag, one behind the other. */
static int encrypt(const uint8_t key[HPKE_KEY_SIZE], const uint8_t nonce[HPKE_NONCE_SIZE],
                   const void *associated, size_t associated_size, const void *text, size_t size,
                   uint8_t *ret, struct err *e)
{
	_cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, last = 0;

	if (!ctx || EVP_EncryptInit_ex(ctx, EVP_chacha20_poly1305(), NULL, key, nonce) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, associated, (int)associated_size) != 1 ||
	    EVP_EncryptUpdate(ctx, ret, &n, text, (int)size) != 1 ||
	    EVP_EncryptFinal_ex(ctx, ret + n, &last) != 1 || (size_t)(n + last) != size ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, HPKE_TAG_SIZE, ret + size) != 1)
		return ssl_err(e, -EIO, "ChaCha20-Poly1305");
	return 0;
}

int seal_by(const uint8_t ephemeral[HPKE_KEY_SIZE], const uint8_t recipient[HPKE_KEY_SIZE],
            const void *info, size_t info_size, const void *associated, size_t associated_size,
            const void *text, size_t size, uint8_t *ret, struct err *e)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *own =
	        EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, ephemeral, HPKE_KEY_SIZE);
	uint8_t dh[HPKE_KEY_SIZE], key[HPKE_KEY_SIZE], nonce[HPKE_NONCE_SIZE];
	size_t enc_size = HPKE_KEY_SIZE;
	int r;

	if (info_size > HPKE_INFO_MAX)
		return err_set(e, -EMSGSIZE, "more than %d bytes of HPKE's info", HPKE_INFO_MAX);
	if (!own || EVP_PKEY_get_raw_public_key(own, ret, &enc_size) != 1)
		return ssl_err(e, -EIO, "an ephemeral X25519 key");
	r = agree(own, recipient, dh, e);
	if (r == 0) {
		hpke_schedule(dh, ret, recipient, info, info_size, key, nonce);
		r = encrypt(key, nonce, associated, associated_size, text, size,
		            ret + HPKE_KEY_SIZE, e);
	}
	OPENSSL_cleanse(dh, sizeof(dh));
	OPENSSL_cleanse(key, sizeof(key));
	return r;
}

int seal(const uint8_t recipient[HPKE_KEY_SIZE], const void *info, size_t info_size,
         const void *associated, size_t associated_size, const uint8_t secret[SECRET_SIZE],
         uint8_t ret[SECRET_SEALED_SIZE], struct err *e)
{
	uint8_t ephemeral[HPKE_KEY_SIZE];
	int r;

	if (getrandom(ephemeral, sizeof(ephemeral), 0) != sizeof(ephemeral))
		return err_sys(e, -errno, "getrandom");
	r = seal_by(ephemeral, recipient, info, info_size, associated, associated_size, secret,
	            SECRET_SIZE, ret, e);
	OPENSSL_cleanse(ephemeral, sizeof(ephemeral));
	return r;
}
