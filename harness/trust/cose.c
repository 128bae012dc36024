/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/cose.h"

#include <errno.h>
#include <openssl/pem.h>
#include <string.h>

#include "core/cleanup.h"
#include "trust/ecdsa.h"

/* On P-256, or -EINVAL. */
static int take_key(EVP_PKEY *key, const char *what, EVP_PKEY **ret, struct err *e)
{
	uint8_t point[ECDSA_RAW_SIZE];

	ERR_clear_error();
	if (!key || ecdsa_to_point(key, point, NULL) < 0) {
		EVP_PKEY_free(key);
		return err_set(e, -EINVAL, "%s on P-256 in PEM", what);
	}
	*ret = key;
	return 0;
}

static BIO *open_pem(const char *pem)
{
	return BIO_new_mem_buf(pem, (int)strnlen(pem, 1 << 20));
}

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

int cose_sign(const char *key_pem, struct bytes data, uint8_t ret[COSE_SIGNATURE], struct err *e)
{
	_cleanup_(bio_freep) BIO *bio = open_pem(key_pem);
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	int r;

	r = take_key(bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (char *)"") : NULL,
	             "no private key", &key, e);
	return r < 0 ? r : ecdsa_sign(key, data.data, data.size, ret, e);
}

static EVP_PKEY *read_public(const char *pem)
{
	_cleanup_(bio_freep) BIO *bio = open_pem(pem), *again = open_pem(pem);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	X509 *cert = NULL;

	if (!key && again && (cert = PEM_read_bio_X509(again, NULL, NULL, NULL)))
		key = X509_get_pubkey(cert);
	X509_free(cert);
	return key;
}

int cose_verify(const char *key_pem, struct bytes data, const uint8_t signature[COSE_SIGNATURE],
                struct err *e)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	int r = take_key(read_public(key_pem), "neither a public key nor a certificate", &key, e);

	if (r < 0)
		return r;
	if (!ecdsa_verify(key, signature, data.data, data.size))
		return err_set(e, -EBADMSG, "the signature is wrong, or another key's");
	return 0;
}
