// SPDX-License-Identifier: Apache-2.0
#include "trust/chain.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "core/time.h"
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
	long size;

	if (PEM_read_bio(bio, &name, &header, &der, &size) != 1) {
		if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
			return ssl_err(e, -EBADMSG, "certificate chain");
		ERR_clear_error();
		*ret = NULL;
		return 0;
	}
	if (strcmp(name, PEM_STRING_X509) != 0 || header[0])
		return err_set(e, -EBADMSG,
		               "certificate chain: a block that is no plain certificate");
	if ((cert = known_find(known, der, size))) {
		X509_up_ref(cert);
	} else {
		if (!(cert = cert_parse(der, size)))
			return err_set(e, -EBADMSG, "certificate chain: malformed certificate");
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
	const uint8_t *p = data;
	struct chain c;
	X509 *cert;
	int r;

	if (size && p[0] == 0x30) { /* SEQUENCE: no PEM text begins with this */
		if (!(cert = cert_parse(p, (long)size)))
			return err_set(e, -EBADMSG, "malformed PCK certificate");
		*ret = cert;
		return 0;
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

/* ---- verifying ---- */

/* A PCK's chain or a TCB signer's: what it is refused with, and what its
 * certificates are called. */
struct chain_kind {
	enum verdict_code untrusted, invalid, name, expired;
	const char *names[CHAIN_MAX]; /* each contained in the common name; Intel's QVL, too */
};
static const struct chain_kind kind_pck = {
        VERDICT_PCK_CHAIN_UNTRUSTED,
        VERDICT_PCK_CHAIN_INVALID,
        VERDICT_PCK_CHAIN_NAME,
        VERDICT_PCK_CHAIN_EXPIRED,
        {"SGX PCK Certificate", "CA", "SGX Root CA"},
};
static const struct chain_kind kind_signing = {
        VERDICT_TCB_SIGNING_UNTRUSTED, VERDICT_TCB_SIGNING_INVALID,        VERDICT_TCB_SIGNING_NAME,
        VERDICT_TCB_SIGNING_EXPIRED,   {"SGX TCB Signing", "SGX Root CA"},
};

static const struct chain_kind *kind_of(const struct chain *c)
{
	return c->count == CHAIN_PCK ? &kind_pck : &kind_signing;
}

/* Whether the root may anchor anything, by its key; it is not yet verified. */
static int root_origin(const struct chain *c, const X509 *test_root, enum origin *ret,
                       struct err *e)
{
	const X509 *root = c->cert[c->count - 1];
	enum verdict_code untrusted = kind_of(c)->untrusted;
	char label[LABEL_SIZE];

	if (has_intel_key(root))
		*ret = ORIGIN_HARDWARE;
	else if (!test_root || !cert_reissued(root, test_root))
		return refuse(e, untrusted,
		              "the chain ends neither in Intel's root nor the test root but in %s",
		              label_cert(label, root));
	else if (!has_marker(root))
		return refuse(e, untrusted,
		              "the test root lacks the marker of a test authority: %s",
		              label_cert(label, root));
	else
		*ret = ORIGIN_EMULATED;
	return 0;
}

/* Some of the root's certificates sign other things than they are asked for here. */
static int check_names(const struct chain *c, struct err *e)
{
	const struct chain_kind *kind = kind_of(c);
	char name[80], label[LABEL_SIZE];

	for (size_t i = 0; i < c->count; i++) {
		name[0] = '\0';
		X509_NAME_get_text_by_NID(X509_get_subject_name(c->cert[i]), NID_commonName, name,
		                          sizeof(name));
		if (!strstr(name, kind->names[i]))
			return refuse(
			        e, kind->name,
			        "a certificate that is not named \"%s\" stands in its place: %s",
			        kind->names[i], label_cert(label, c->cert[i]));
	}
	return 0;
}

/* ---- dates ---- */

struct dates dates_both(struct dates a, struct dates b)
{
	return (struct dates){a.from > b.from ? a.from : b.from, a.to < b.to ? a.to : b.to};
}

bool dates_hold(const struct dates *d, time_t at)
{
	return d->from <= at && at <= d->to;
}

int dates_check(const struct dates *d, time_t at, const char *what, enum verdict_code expired,
                struct err *e)
{
	char date[TIME_TEXT_SIZE], asked[TIME_TEXT_SIZE];

	if (dates_hold(d, at))
		return 0;
	time_text(at, asked);
	if (at < d->from)
		return refuse(e, expired + 1, "%s is not yet valid: from %s, asked for %s", what,
		              time_text(d->from, date), asked);
	return refuse(e, expired, "%s has expired: valid to %s, asked for %s", what,
	              time_text(d->to, date), asked);
}

int dates_read(const ASN1_TIME *from, const ASN1_TIME *to, struct dates *ret)
{
	struct tm tm_from, tm_to;

	if (!from || !to || ASN1_TIME_to_tm(from, &tm_from) != 1 ||
	    ASN1_TIME_to_tm(to, &tm_to) != 1)
		return -EBADMSG;
	*ret = (struct dates){timegm(&tm_from), timegm(&tm_to)};
	return 0;
}

static int cert_dates(const struct chain *c, size_t i, struct dates *ret, struct err *e)
{
	if (dates_read(X509_get0_notBefore(c->cert[i]), X509_get0_notAfter(c->cert[i]), ret) == 0)
		return 0;
	return refuse_ssl(e, kind_of(c)->invalid, "certificate chain: no validity");
}

static int chain_dates(const struct chain *c, struct dates *ret, struct err *e)
{
	struct dates all = {INT64_MIN, INT64_MAX}, one;
	int r;

	for (size_t i = 0; i < c->count; i++) {
		if ((r = cert_dates(c, i, &one, e)) < 0)
			return r;
		all = dates_both(all, one);
	}
	*ret = all;
	return 0;
}

int chain_check_dates(const struct chain *c, time_t at, struct err *e)
{
	char label[LABEL_SIZE], what[LABEL_SIZE + 20];
	struct dates one;
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->count; i++) {
		if ((r = cert_dates(c, i, &one, e)) < 0 || dates_hold(&one, at))
			continue;
		snprintf(what, sizeof(what), "the certificate %s", label_cert(label, c->cert[i]));
		r = dates_check(&one, at, what, kind_of(c)->expired, e);
	}
	return r;
}

/* ---- all of it ---- */

/* Why a certificate may not stand where it does in its chain, or NULL. RFC 5280, and stricter. */
static const char *check_fields(X509 *cert, size_t depth)
{
	uint32_t flags = X509_get_extension_flags(cert);
	bool ca = X509_check_ca(cert) == 1;
	uint32_t needed = ca ? KU_KEY_CERT_SIGN | KU_CRL_SIGN : KU_DIGITAL_SIGNATURE;
	long pathlen = X509_get_pathlen(cert);

	if (X509_get_version(cert) != X509_VERSION_3)
		return "not of version 3";
	if (flags & (EXFLAG_INVALID | EXFLAG_PROXY) || !(flags & EXFLAG_BCONS) ||
	    !(flags & EXFLAG_KUSAGE))
		return "extensions that are malformed, missing or of a proxy";
	if (ca != (depth > 0) || (!ca && (flags & EXFLAG_CA || X509_check_ca(cert) != 0)))
		return depth ? "not a CA" : "a CA in the leaf's place";
	if (ca && pathlen >= 0 && (size_t)pathlen < depth - 1)
		return "the CA's path length is exceeded";
	if ((X509_get_key_usage(cert) & needed) != needed)
		return "its key usage does not let it sign";
	if (!ca && (pathlen >= 0 || X509_get_key_usage(cert) & KU_KEY_CERT_SIGN))
		return "rights of a CA without being one";
	if (ca && !X509_get0_subject_key_id(cert))
		return "no subject key identifier";
	return NULL;
}

/* Only what is judged above may be critical; constraints of names and policies are not judged. */
static const char *check_extensions(const X509 *cert)
{
	static const int unknown[] = {NID_name_constraints, NID_policy_constraints,
	                              NID_inhibit_any_policy};

	for (int i = 0; i < X509_get_ext_count(cert); i++) {
		X509_EXTENSION *ext = X509_get_ext(cert, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));

		if (nid == NID_basic_constraints
		            ? !X509_EXTENSION_get_critical(ext)
		            : nid != NID_key_usage && X509_EXTENSION_get_critical(ext))
			return "an extension is critical that is not known, or the other way round";
		if (X509_get_ext_by_OBJ(cert, X509_EXTENSION_get_object(ext), i) >= 0)
			return "an extension twice";
		for (size_t k = 0; k < COUNT_OF(unknown); k++) {
			if (nid == unknown[k])
				return "constraints of names or policies";
		}
	}
	return NULL;
}

/* Whether `issuer`, which is `cert` for a root, has signed it. */
static const char *check_issued(X509 *cert, X509 *issuer)
{
	_cleanup_(AUTHORITY_KEYID_freep) AUTHORITY_KEYID *id = NULL;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;

	if (X509_NAME_entry_count(X509_get_subject_name(cert)) == 0 ||
	    X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)) != 0)
		return "another's name for its issuer";
	id = X509_get_ext_d2i(cert, NID_authority_key_identifier, NULL, NULL);
	if ((!id && cert != issuer) || (id && X509_check_akid(issuer, id) != X509_V_OK))
		return "another's key identifier for its issuer";
	if (cert == cert_intel_root())
		return NULL; /* pinned, bytes and all */
	if (cert_key(issuer, &key, NULL) < 0)
		return "its issuer's key is not on P-256";
	return cert_signed_by(cert, key) ? NULL : "certificate signature failure";
}

/*
 * Everything but the time and the anchor. Not X509_verify_cert(), which wants every certificate's
 * key decoded (trust/cert.h); chains are given whole and in order, so there is nothing to search.
 */
static int verify_structure(const struct chain *c, struct err *e)
{
	char label[LABEL_SIZE];

	for (size_t i = c->count; i-- > 0;) {
		X509 *cert = c->cert[i], *issuer = c->cert[i + 1 < c->count ? i + 1 : i];
		const char *wrong = check_fields(cert, i);

		wrong = wrong ?: check_extensions(cert);
		wrong = wrong ?: check_issued(cert, issuer);
		ERR_clear_error();
		if (wrong)
			return refuse(e, kind_of(c)->invalid,
			              "certificate chain: %s (certificate %zu: %s)", wrong, i,
			              label_cert(label, cert));
	}
	return 0;
}

int chain_verify(const struct chain *c, X509 *test_root, enum origin *ret_origin,
                 struct dates *ret_dates, struct err *e)
{
	enum origin origin;
	struct dates dates;
	int r;

	if ((r = root_origin(c, test_root, &origin, e)) < 0 || (r = verify_structure(c, e)) < 0 ||
	    (r = check_names(c, e)) < 0 || (r = chain_dates(c, &dates, e)) < 0)
		return r;
	*ret_origin = origin;
	*ret_dates = dates;
	return 0;
}
