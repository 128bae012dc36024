/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/rsa.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#define BITS_MIN  2048
#define BITS_MAX  8192
#define CERTS_MAX 16
#define PEM_MAX   (1 << 20)

static OSSL_PARAM *key_params(struct bytes modulus, struct bytes exponent)
{
	_cleanup_(BN_freep) BIGNUM *n = BN_bin2bn(modulus.data, (int)modulus.size, NULL);
	_cleanup_(BN_freep) BIGNUM *e = BN_bin2bn(exponent.data, (int)exponent.size, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;

	if (n && e && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(build);
	OSSL_PARAM_BLD_free(build);
	return params;
}

EVP_PKEY *rsa_key(struct bytes modulus, struct bytes exponent)
{
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
	OSSL_PARAM *params;
	EVP_PKEY *key = NULL;

	if (modulus.size < BITS_MIN / 8 || modulus.size > BITS_MAX / 8 || exponent.size < 1 ||
	    exponent.size > 8)
		return NULL;
	params = key_params(modulus, exponent);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	ERR_clear_error();
	return key;
}

bool rsa_verify(EVP_PKEY *key, bool pss, struct bytes message, struct bytes signature)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL;
	bool ok = md && EVP_PKEY_is_a(key, "RSA") &&
	          EVP_DigestVerifyInit(md, &ctx, EVP_sha256(), NULL, key) == 1 &&
	          EVP_PKEY_CTX_set_rsa_padding(ctx, pss ? RSA_PKCS1_PSS_PADDING
	                                                : RSA_PKCS1_PADDING) == 1 &&
	          EVP_DigestVerify(md, signature.data, signature.size, message.data,
	                           message.size) == 1;

	EVP_MD_CTX_free(md);
	ERR_clear_error();
	return ok;
}

static X509 *read_leaf(struct bytes b)
{
	_cleanup_(BIO_freep) BIO *bio = BIO_new_mem_buf(b.data, (int)b.size);
	const unsigned char *at = b.data;
	X509 *cert = b.size && b.data[0] == 0x30 ? d2i_X509(NULL, &at, (long)b.size) : NULL;

	return cert ? cert : bio ? PEM_read_bio_X509(bio, NULL, NULL, (char *)"") : NULL;
}

static void read_certs(struct bytes pem, STACK_OF(X509) *to)
{
	_cleanup_(BIO_freep) BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	X509 *cert;

	while (bio && sk_X509_num(to) < CERTS_MAX &&
	       (cert = PEM_read_bio_X509(bio, NULL, NULL, (char *)""))) {
		if (!sk_X509_push(to, cert))
			X509_free(cert);
	}
	ERR_clear_error();
}

/* A critical extension that OpenSSL does not know refuses the chain; clouds' certificates have none. */
static bool verify(X509 *leaf, STACK_OF(X509) *more, STACK_OF(X509) *roots, time_t at, char *why,
                   size_t why_size)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool ok = false;

	if (ctx && X509_STORE_CTX_init(ctx, NULL, leaf, more) == 1) {
		X509_STORE_CTX_set0_trusted_stack(ctx, roots);
		X509_STORE_CTX_set_time(ctx, 0, at);
		X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx),
		                            X509_V_FLAG_PARTIAL_CHAIN);
		ok = X509_verify_cert(ctx) == 1;
		if (!ok)
			snprintf(why, why_size, "%s",
			         X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	}
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

bool rsa_chain(struct bytes leaf, struct bytes more, struct bytes roots, time_t at,
               EVP_PKEY **ret_key, char *why, size_t why_size)
{
	_cleanup_(X509_freep) X509 *cert = NULL;
	STACK_OF(X509) *between = sk_X509_new_null(), *anchors = sk_X509_new_null();
	bool ok = false;

	*ret_key = NULL;
	snprintf(why, why_size, "no certificate");
	if (leaf.size <= PEM_MAX && more.size <= PEM_MAX && roots.size <= PEM_MAX)
		cert = read_leaf(leaf);
	if (cert && between && anchors) {
		*ret_key = X509_get_pubkey(cert);
		read_certs(more, between);
		read_certs(roots, anchors);
		ok = *ret_key && verify(cert, between, anchors, at, why, why_size);
	}
	sk_X509_pop_free(between, X509_free);
	sk_X509_pop_free(anchors, X509_free);
	ERR_clear_error();
	return ok;
}
