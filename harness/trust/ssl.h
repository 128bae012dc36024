/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/cleanup.h"
#include "core/err.h"

/* OpenSSL's types under _cleanup_(), and its last error as our one. Private to this room. */
#define SSL_CLEANUP(type, name)                   \
	static inline void name##_freep(type **p) \
	{                                         \
		name##_free(*p);                  \
	}
SSL_CLEANUP(ASN1_INTEGER, ASN1_INTEGER)
SSL_CLEANUP(ASN1_OBJECT, ASN1_OBJECT)
SSL_CLEANUP(ASN1_TYPE, ASN1_TYPE)
SSL_CLEANUP(AUTHORITY_KEYID, AUTHORITY_KEYID)
SSL_CLEANUP(BIGNUM, BN)
SSL_CLEANUP(BIO, BIO)
SSL_CLEANUP(ECDSA_SIG, ECDSA_SIG)
SSL_CLEANUP(EVP_PKEY, EVP_PKEY)
SSL_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX)
SSL_CLEANUP(X509, X509)
SSL_CLEANUP(X509_CRL, X509_CRL)
SSL_CLEANUP(X509_EXTENSION, X509_EXTENSION)
SSL_CLEANUP(X509_NAME, X509_NAME)
SSL_CLEANUP(X509_REVOKED, X509_REVOKED)
#undef SSL_CLEANUP

static inline void OPENSSL_freep(void *p)
{
	OPENSSL_free(*(void **)p);
}

/* Always fails; running out of memory is told apart, the rest is `code`. */
static inline int ssl_err(struct err *e, int code, const char *what)
{
	unsigned long last = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(last);

	if (ERR_GET_REASON(last) == ERR_R_MALLOC_FAILURE)
		code = -ENOMEM;
	ERR_clear_error();
	return reason ? err_set(e, code, "%s: %s", what, reason) : err_set(e, code, "%s", what);
}
