// SPDX-License-Identifier: Apache-2.0
#include "trust/chain.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "trust/marker.h"

/* SubjectPublicKeyInfo of the Intel SGX Root CA: the only anchor that means hardware. */
static const uint8_t intel_root_key[] = {
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        0x04, 0x0b, 0xa9, 0xc4, 0xc0, 0xc0, 0xc8, 0x61, 0x93, 0xa3, 0xfe, 0x23, 0xd6,
        0xb0, 0x2c, 0xda, 0x10, 0xa8, 0xbb, 0xd4, 0xe8, 0x8e, 0x48, 0xb4, 0x45, 0x85,
        0x61, 0xa3, 0x6e, 0x70, 0x55, 0x25, 0xf5, 0x67, 0x91, 0x8e, 0x2e, 0xdc, 0x88,
        0xe4, 0x0d, 0x86, 0x0b, 0xd0, 0xcc, 0x4e, 0xe2, 0x6a, 0xac, 0xc9, 0x88, 0xe5,
        0x05, 0xa9, 0x53, 0x55, 0x8c, 0x45, 0x3f, 0x6b, 0x09, 0x04, 0xae, 0x73, 0x94,
};

void chain_done(struct chain *c)
{
	for (size_t i = 0; i < c->count; i++)
		X509_free(c->cert[i]);
	*c = (struct chain){0};
}

/* ---- known certificates ---- */

static void known_free(struct known_cert *k)
{
	OPENSSL_free(k->der);
	X509_free(k->cert);
	*k = (struct known_cert){0};
}

void chain_known_done(struct chain_known *k)
{
	for (size_t i = 0; i < CHAIN_KNOWN; i++)
		known_free(&k->item[i]);
}

static X509 *known_find(const struct chain_known *k, const uint8_t *der, long size)
{
	for (size_t i = 0; k && i < CHAIN_KNOWN; i++) {
		if (k->item[i].size == size && memcmp(k->item[i].der, der, (size_t)size) == 0)
			return k->item[i].cert;
	}
	return NULL;
}

/* Takes over `der`. */
static void known_add(struct chain_known *k, uint8_t *der, long size, X509 *cert)
{
	struct known_cert *item = &k->item[k->next++ % CHAIN_KNOWN];

	known_free(item);
	X509_up_ref(cert);
	*item = (struct known_cert){der, size, cert};
}

/* ---- reading ---- */

/*
 * The next certificate, NULL with code 0 at the end of the text. Not PEM_read_bio_X509(): that one
 * asks on the terminal for a password when the text says it is encrypted.
 */
static int next_cert(BIO *bio, struct chain_known *known, X509 **ret, struct err *e)
{
	_cleanup_(OPENSSL_freep) char *name = NULL;
	_cleanup_(OPENSSL_freep) char *header = NULL;
	_cleanup_(OPENSSL_freep) unsigned char *der = NULL;
	_cleanup_(X509_freep) X509 *cert = NULL;
	const unsigned char *p;
	long size;

	if (PEM_read_bio(bio, &name, &header, &der, &size) != 1) {
		if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
			return ssl_err(e, -EBADMSG, "certificate chain");
		ERR_clear_error();
		*ret = NULL;
		return 0;
	}
	p = der;
	if (strcmp(name, PEM_STRING_X509) != 0 || header[0])
		return err_set(e, -EBADMSG,
		               "certificate chain: a block that is no plain certificate");
	if ((cert = known_find(known, der, size))) {
		X509_up_ref(cert);
	} else {
		if (!(cert = d2i_X509(NULL, &p, size)) || p != der + size)
			return ssl_err(e, -EBADMSG, "certificate chain: malformed certificate");
		if (known)
			known_add(known, TAKE_PTR(der), size, cert);
	}
	*ret = TAKE_PTR(cert);
	return 0;
}

int chain_read(const void *pem, size_t size, size_t count, struct chain_known *known,
               struct chain *ret, struct err *e)
{
	_cleanup_(chain_done) struct chain c = {0};
	_cleanup_(BIO_freep) BIO *bio = NULL;
	X509 *cert;
	int r;

	while (size && ((const char *)pem)[size - 1] == '\0')
		size--;
	if (size > INT32_MAX || memchr(pem, '\0', size))
		return err_set(e, -EBADMSG, "certificate chain: not PEM text");
	if (!(bio = BIO_new_mem_buf(pem, (int)size)))
		return ssl_err(e, -ENOMEM, "certificate chain");
	/* a platform's own certificate is not kept: its quotes are known by their whole chain */
	while ((r = next_cert(bio, c.count || count != CHAIN_PCK ? known : NULL, &cert, e)) == 0 &&
	       cert) {
		if (c.count == count) {
			X509_free(cert);
			return err_set(e, -EBADMSG, "certificate chain: more than %zu", count);
		}
		c.cert[c.count++] = cert;
	}
	if (r < 0)
		return r;
	if (c.count != count)
		return err_set(e, -EBADMSG, "certificate chain: %zu of %zu certificates", c.count,
		               count);
	*ret = TAKE(c, (struct chain){0});
	return 0;
}

int chain_read_leaf(const void *data, size_t size, X509 **ret, struct err *e)
{
	const unsigned char *p = data;
	struct chain c;
	X509 *cert;
	int r;

	if (size && p[0] == 0x30) { /* SEQUENCE: no PEM text begins with this */
		cert = d2i_X509(NULL, &p, (long)size);
		if (cert && p == (const unsigned char *)data + size) {
			*ret = cert;
			return 0;
		}
		X509_free(cert);
		return ssl_err(e, -EBADMSG, "malformed PCK certificate");
	}
	if ((r = chain_read(data, size, 1, NULL, &c, e)) == 0)
		*ret = c.cert[0];
	return r;
}

int chain_read_root(const char *pem, X509 **ret, struct err *e)
{
	_cleanup_(BIO_freep) BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = NULL;
	int r = bio ? next_cert(bio, NULL, &cert, e) : ssl_err(e, -ENOMEM, "root certificate");

	if (r == 0 && !cert)
		return err_set(e, -EBADMSG, "root certificate: no PEM text");
	if (r == 0)
		*ret = cert;
	return r;
}

static bool has_intel_key(const X509 *cert)
{
	_cleanup_(OPENSSL_freep) unsigned char *der = NULL;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	return size == (int)sizeof(intel_root_key) &&
	       memcmp(der, intel_root_key, (size_t)size) == 0;
}

static bool has_extension(const X509 *cert, const char *name)
{
	_cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *oid = OBJ_txt2obj(name, 1);

	return oid && X509_get_ext_by_OBJ(cert, oid, -1) >= 0;
}

static bool has_marker(const X509 *cert)
{
	return has_extension(cert, TRUST_MARKER_OID) || has_extension(cert, TRUST_MARKER_OID_OLD);
}

/* Whether the root may anchor anything, by its key or its bytes; it is not yet verified. */
static int root_origin(const X509 *root, const X509 *test_root, enum origin *ret, struct err *e)
{
	if (has_intel_key(root))
		*ret = ORIGIN_HARDWARE;
	else if (!test_root || X509_cmp(root, test_root) != 0)
		return err_set(e, -EBADMSG,
		               "the chain ends neither in Intel's root nor the test root");
	else if (!has_marker(root))
		return err_set(e, -EBADMSG, "the test root lacks the marker of a test authority");
	else
		*ret = ORIGIN_EMULATED;
	return 0;
}

/* X509_verify_cert() judges CA certificates; the leaf's own role is ours to check. */
static bool leaf_may_sign(X509 *leaf)
{
	return X509_check_ca(leaf) == 0 && (X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) &&
	       (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE);
}

static int verify_error(X509_STORE_CTX *ctx, struct err *e)
{
	int code = X509_STORE_CTX_get_error(ctx);

	ERR_clear_error();
	return err_set(e, code == X509_V_ERR_OUT_OF_MEM ? -ENOMEM : -EBADMSG,
	               "certificate chain: %s (certificate %d)",
	               X509_verify_cert_error_string(code), X509_STORE_CTX_get_error_depth(ctx));
}

struct validity validity_both(struct validity a, struct validity b)
{
	return (struct validity){a.from > b.from ? a.from : b.from, a.to < b.to ? a.to : b.to};
}

int validity_check(const struct validity *v, time_t at, const char *what, struct err *e)
{
	if (at < v->from)
		return err_set(e, -EBADMSG, "%s is not yet valid", what);
	if (at > v->to)
		return err_set(e, -EBADMSG, "%s has expired", what);
	return 0;
}

int validity_read(const ASN1_TIME *from, const ASN1_TIME *to, struct validity *ret)
{
	struct tm tm_from, tm_to;

	if (!from || !to || ASN1_TIME_to_tm(from, &tm_from) != 1 ||
	    ASN1_TIME_to_tm(to, &tm_to) != 1)
		return -EBADMSG;
	*ret = (struct validity){timegm(&tm_from), timegm(&tm_to)};
	return 0;
}

static int chain_validity(const struct chain *c, struct validity *ret, struct err *e)
{
	struct validity all = {INT64_MIN, INT64_MAX}, one;

	for (size_t i = 0; i < c->count; i++) {
		if (validity_read(X509_get0_notBefore(c->cert[i]), X509_get0_notAfter(c->cert[i]),
		                  &one) < 0)
			return ssl_err(e, -EBADMSG, "certificate chain: no validity");
		all = validity_both(all, one);
	}
	*ret = all;
	return 0;
}

/* Everything but the time and the anchor. */
static int verify_structure(const struct chain *c, STACK_OF(X509) * between, struct err *e)
{
	_cleanup_(X509_STORE_freep) X509_STORE *store = X509_STORE_new();
	_cleanup_(X509_STORE_CTX_freep) X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	for (size_t i = 1; i + 1 < c->count; i++) {
		if (sk_X509_push(between, c->cert[i]) <= 0)
			return ssl_err(e, -ENOMEM, "certificate chain");
	}
	if (!store || !ctx || X509_STORE_add_cert(store, c->cert[c->count - 1]) != 1 ||
	    X509_STORE_CTX_init(ctx, store, c->cert[0], between) != 1)
		return ssl_err(e, -ENOMEM, "certificate chain");
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE |
	                                      X509_V_FLAG_NO_CHECK_TIME);
	if (X509_verify_cert(ctx) != 1)
		return verify_error(ctx, e);
	if (sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) != (int)c->count)
		return err_set(e, -EBADMSG, "certificate chain: certificates that sign nothing");
	if (!leaf_may_sign(c->cert[0]))
		return err_set(e, -EBADMSG, "certificate chain: the leaf may not sign");
	return 0;
}

int chain_verify(const struct chain *c, X509 *test_root, enum origin *ret_origin,
                 struct validity *ret_validity, struct err *e)
{
	STACK_OF(X509) *between = sk_X509_new_null();
	struct validity validity;
	enum origin origin;
	int r = between ? 0 : ssl_err(e, -ENOMEM, "certificate chain");

	if (r == 0)
		r = root_origin(c->cert[c->count - 1], test_root, &origin, e);
	if (r == 0)
		r = verify_structure(c, between, e);
	if (r == 0)
		r = chain_validity(c, &validity, e);
	sk_X509_free(between);
	if (r == 0) {
		*ret_origin = origin;
		*ret_validity = validity;
	}
	return r;
}
