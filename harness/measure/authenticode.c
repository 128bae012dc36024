/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/authenticode.h"

#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/reader.h"

#define ALGORITHM_AT 32 /* where firmware looks for the digest algorithm */

struct hash_kind {
	uint8_t oid[9];
	const EVP_MD *(*md)(void);
};
static const struct hash_kind kinds[AUTHENTICODE_HASHES] = {
        {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01}, EVP_sha256},
        {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02}, EVP_sha384},
        {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03}, EVP_sha512},
};
static const uint8_t oid_sha1[] = {0x2b, 0x0e, 0x03, 0x02, 0x1a};
/* 1.3.6.1.4.1.311.2.1.4 */
static const uint8_t oid_indirect[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x04};

static void take(void *userdata, const void *data, size_t size)
{
	EVP_DigestUpdate(userdata, data, size);
}

size_t authenticode_digest(const struct pe *pe, enum authenticode_hash hash,
                           uint8_t ret[AUTHENTICODE_HASH_MAX])
{
	EVP_MD_CTX *h = EVP_MD_CTX_new();
	unsigned size = 0;

	if (h && EVP_DigestInit_ex(h, kinds[hash].md(), NULL) == 1) {
		pe_authenticode_bytes(pe, take, h);
		EVP_DigestFinal_ex(h, ret, &size);
	}
	EVP_MD_CTX_free(h);
	return size;
}

static bool names(struct bytes signature, const void *oid, size_t size)
{
	return signature.size >= ALGORITHM_AT + size &&
	       memcmp(signature.data + ALGORITHM_AT, oid, size) == 0;
}

static bool is_about_image(const PKCS7 *p)
{
	const ASN1_OBJECT *type;

	if (!p || !PKCS7_type_is_signed(p) || PKCS7_get_detached((PKCS7 *)p) ||
	    !p->d.sign->contents)
		return false;
	type = p->d.sign->contents->type;
	return OBJ_length(type) == sizeof(oid_indirect) &&
	       memcmp(OBJ_get0_data(type), oid_indirect, sizeof(oid_indirect)) == 0 &&
	       p->d.sign->contents->d.other &&
	       p->d.sign->contents->d.other->type == V_ASN1_SEQUENCE;
}

int authenticode_read(struct bytes signature, const struct pe *pe, struct authenticode *ret,
                      struct err *e)
{
	struct authenticode a = {.hash = AUTHENTICODE_HASHES};
	const unsigned char *at = signature.data;

	for (unsigned i = 0; i < AUTHENTICODE_HASHES; i++) {
		if (names(signature, kinds[i].oid, sizeof(kinds[i].oid)))
			a.hash = (enum authenticode_hash)i;
	}
	if (names(signature, oid_sha1, sizeof(oid_sha1)))
		return err_set(e, -ENOTSUP, "a signature with SHA-1");
	if (a.hash == AUTHENTICODE_HASHES)
		return err_set(e, -EBADMSG, "a signature with an unknown digest");
	a.pkcs7 = d2i_PKCS7(NULL, &at, (long)signature.size);
	if (!is_about_image(a.pkcs7)) {
		authenticode_done(&a);
		ERR_clear_error();
		return err_set(e, -EBADMSG, "a signature that is no Authenticode");
	}
	a.digest_size = authenticode_digest(pe, a.hash, a.digest);
	*ret = a;
	return 0;
}

void authenticode_done(struct authenticode *a)
{
	PKCS7_free(a->pkcs7);
	a->pkcs7 = NULL;
}

/* What is in the outermost SEQUENCE, which is what was signed; empty where that is none. */
static struct bytes content_of(const PKCS7 *p)
{
	const ASN1_STRING *whole = p->d.sign->contents->d.other->value.asn1_string;
	struct bytes b = {NULL, 0};
	const unsigned char *at = ASN1_STRING_get0_data(whole);
	long size = 0;
	int tag, class;

	if (ASN1_get_object(&at, &size, &tag, &class, ASN1_STRING_length(whole)) & 0x80)
		return b;
	return (struct bytes){at, (size_t)size};
}

static bool chain_ends_in(PKCS7 *p, struct bytes content, X509 *anchor)
{
	X509_STORE *store = X509_STORE_new();
	BIO *data = BIO_new_mem_buf(content.data, (int)content.size);
	bool good = store && data && X509_STORE_add_cert(store, anchor) == 1;

	if (good) {
		X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
		X509_STORE_set_purpose(store, X509_PURPOSE_ANY);
		good = PKCS7_verify(p, NULL, store, data, NULL, PKCS7_BINARY) == 1;
	}
	BIO_free(data);
	X509_STORE_free(store);
	return good;
}

bool authenticode_by(const struct authenticode *a, struct bytes certificate)
{
	struct bytes content = content_of(a->pkcs7);
	const unsigned char *at = certificate.data;
	X509 *anchor;
	bool good;

	if (a->digest_size == 0 || content.size < a->digest_size ||
	    memcmp(content.data + content.size - a->digest_size, a->digest, a->digest_size) != 0)
		return false;
	anchor = d2i_X509(NULL, &at, (long)certificate.size);
	good = anchor && chain_ends_in(a->pkcs7, content, anchor);
	X509_free(anchor);
	ERR_clear_error();
	return good;
}
