// SPDX-License-Identifier: Apache-2.0
#include "trust/ecdsa.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <string.h>

#include "trust/trust.h"

#define POINT_SIZE   (1 + ECDSA_RAW_SIZE) /* 0x04 || x || y */
#define DER_SIZE_MAX 72                   /* SEQUENCE of two INTEGERs of at most 33 bytes */

int ecdsa_generate(EVP_PKEY **ret, struct err *e)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!key)
		return ssl_err(e, -EIO, "cannot make a P-256 key");
	*ret = key;
	return 0;
}

/*
 * OpenSSL 3 builds a key out of parameters in 15 us and out of DER in 100, a quarter and more of a
 * verification; a copy of a key on the right curve that then gets another point costs 4.
 */
static pthread_once_t template_once = PTHREAD_ONCE_INIT;
static EVP_PKEY *template;

static void template_make(void)
{
	template = EVP_EC_gen("P-256");
}

int ecdsa_from_point(const uint8_t xy[ECDSA_RAW_SIZE], EVP_PKEY **ret, struct err *e)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	uint8_t point[POINT_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};

	pthread_once(&template_once, template_make);
	if (!template || !(key = EVP_PKEY_dup(template)))
		return ssl_err(e, -ENOMEM, "cannot make a P-256 key");
	memcpy(point + 1, xy, ECDSA_RAW_SIZE);
	if (EVP_PKEY_set1_encoded_public_key(key, point, sizeof(point)) != 1)
		return ssl_err(e, -EBADMSG, "not a point on P-256");
	*ret = TAKE_PTR(key);
	return 0;
}

int ecdsa_to_point(EVP_PKEY *key, uint8_t ret_xy[ECDSA_RAW_SIZE], struct err *e)
{
	_cleanup_(OPENSSL_freep) unsigned char *point = NULL;
	char group[32];

	if (!EVP_PKEY_is_a(key, "EC") ||
	    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
	    strcmp(group, "prime256v1") != 0 ||
	    EVP_PKEY_get1_encoded_public_key(key, &point) != POINT_SIZE ||
	    point[0] != POINT_CONVERSION_UNCOMPRESSED)
		return ssl_err(e, -EBADMSG, "not a key on P-256");
	memcpy(ret_xy, point + 1, ECDSA_RAW_SIZE);
	return 0;
}

/* Not the default, which asks on the terminal. */
static int no_password(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return -1;
}

int trust_check_signing_key(const char *pem, struct err *e)
{
	_cleanup_(BIO_freep) BIO *bio = BIO_new_mem_buf(pem, -1);
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	uint8_t point[ECDSA_RAW_SIZE];

	if (!bio)
		return err_nomem(e);
	key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	ERR_clear_error();
	if (!key)
		return err_set(e, -EBADMSG, "not a private key in PEM, or one with a password");
	return ecdsa_to_point(key, point, e);
}

int ecdsa_sign(EVP_PKEY *key, const void *data, size_t size, uint8_t ret[ECDSA_RAW_SIZE],
               struct err *e)
{
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	_cleanup_(ECDSA_SIG_freep) ECDSA_SIG *sig = NULL;
	uint8_t digest[SHA256_DIGEST_LENGTH], der[DER_SIZE_MAX];
	const uint8_t *p = der;
	size_t der_size = sizeof(der);

	SHA256(data, size, digest);
	if (!ctx || EVP_PKEY_sign_init(ctx) != 1 ||
	    EVP_PKEY_sign(ctx, der, &der_size, digest, sizeof(digest)) != 1 ||
	    !(sig = d2i_ECDSA_SIG(NULL, &p, (long)der_size)))
		return ssl_err(e, -EIO, "cannot sign");
	if (BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, 32) != 32 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + 32, 32) != 32)
		return ssl_err(e, -EIO, "cannot sign");
	return 0;
}

static int raw_to_der(const uint8_t raw[ECDSA_RAW_SIZE], uint8_t der[DER_SIZE_MAX])
{
	_cleanup_(ECDSA_SIG_freep) ECDSA_SIG *sig = ECDSA_SIG_new();
	_cleanup_(BN_freep) BIGNUM *r = BN_bin2bn(raw, 32, NULL);
	_cleanup_(BN_freep) BIGNUM *s = BN_bin2bn(raw + 32, 32, NULL);

	if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1)
		return -1;
	r = s = NULL; /* the signature's now */
	return i2d_ECDSA_SIG(sig, &der);
}

bool ecdsa_verify_der(EVP_PKEY *key, const uint8_t *signature, size_t signature_size,
                      const void *data, size_t size)
{
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t digest[SHA256_DIGEST_LENGTH];
	bool ok;

	SHA256(data, size, digest);
	ok = ctx && EVP_PKEY_verify_init(ctx) == 1 &&
	     EVP_PKEY_verify(ctx, signature, signature_size, digest, sizeof(digest)) == 1;
	ERR_clear_error();
	return ok;
}

bool ecdsa_verify(EVP_PKEY *key, const uint8_t signature[ECDSA_RAW_SIZE], const void *data,
                  size_t size)
{
	uint8_t der[DER_SIZE_MAX];
	int der_size = raw_to_der(signature, der);

	return der_size > 0 && ecdsa_verify_der(key, der, (size_t)der_size, data, size);
}
