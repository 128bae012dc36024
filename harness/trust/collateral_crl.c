// SPDX-License-Identifier: Apache-2.0
#include <openssl/x509v3.h>
#include <string.h>

#include "trust/collateral.h"

/* What the CRLs at hand say about a certificate. */

static int check_signature(struct crl *k, X509 *issuer, const uint8_t point[64], struct err *e)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	char label[LABEL_SIZE], by[LABEL_SIZE];

	if (k->verified && memcmp(k->verified_by, point, 64) == 0)
		return 0;
	if (!k->refused || memcmp(k->refused_by, point, 64) != 0) {
		if (ecdsa_from_point(point, &key, e) == 0 && X509_CRL_verify(k->crl, key) == 1) {
			memcpy(k->verified_by, point, 64);
			k->verified = true;
			return 0;
		}
		if (ssl_err(e, -EBADMSG, "CRL") == -ENOMEM)
			return -ENOMEM;
		memcpy(k->refused_by, point, 64);
		k->refused = true;
	}
	return refuse(e, VERDICT_CRL_SIGNATURE, "the CRL's signature is wrong: %s, not by %s",
	              label_crl(label, k->crl), label_cert(by, issuer));
}

/* What we do not understand must not be ignored: a CRL's scope can hang on a critical extension. */
static int check_plain(const struct crl *k, struct err *e)
{
	char label[LABEL_SIZE], oid[60];

	for (int i = 0; i < X509_CRL_get_ext_count(k->crl); i++) {
		X509_EXTENSION *ext = X509_CRL_get_ext(k->crl, i);

		if (!X509_EXTENSION_get_critical(ext))
			continue;
		OBJ_obj2txt(oid, sizeof(oid), X509_EXTENSION_get_object(ext), 1);
		return refuse(e, VERDICT_CRL_EXTENSION,
		              "the CRL has a critical extension that is not understood, %s: %s",
		              oid, label_crl(label, k->crl));
	}
	if (X509_CRL_get_signature_nid(k->crl) != NID_ecdsa_with_SHA256)
		return refuse(e, VERDICT_CRL_ALGORITHM,
		              "the CRL is not signed with ECDSA and SHA-256: %s",
		              label_crl(label, k->crl));
	return 0;
}

/* Whether the keys that the quote's chain has signed the certificates; asked but once. */
static bool issuer_signed(struct crl *k, const struct anchor *a)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *root = NULL;

	if (k->issuer_signed == KNOWN_NOT)
		k->issuer_signed = cert_key(a->root, &root, NULL) == 0 &&
		                                   cert_signed_by(k->issuer.cert[0], root) &&
		                                   cert_signed_by(k->issuer.cert[1], root)
		                           ? KNOWN_TRUE
		                           : KNOWN_FALSE;
	return k->issuer_signed == KNOWN_TRUE;
}

/* An issuer chain that came along: the quote's, or one issued anew for its names and keys. */
static int check_issuer_chain(struct crl *k, const X509 *issuer, const struct anchor *a,
                              struct err *e)
{
	const X509 *expected[CHAIN_SIGNING] = {issuer, a->root};
	char label[LABEL_SIZE];

	for (size_t i = 0; i < k->issuer.count; i++) {
		const X509 *cert = k->issuer.cert[i];

		if (!cert_equal(cert, expected[i]) &&
		    (!cert_reissued(cert, expected[i]) || !issuer_signed(k, a)))
			return refuse(e, VERDICT_CRL_ISSUER_CHAIN,
			              "the CRL's issuer chain is not the quote's: it has %s",
			              label_cert(label, cert));
	}
	return 0;
}

static int check_dates(const struct crl *k, time_t at, struct err *e)
{
	char label[LABEL_SIZE], what[LABEL_SIZE + 10];

	if (dates_hold(&k->dates, at))
		return 0;
	snprintf(what, sizeof(what), "the CRL %s", label_crl(label, k->crl));
	return dates_check(&k->dates, at, what, VERDICT_CRL_EXPIRED, e);
}

/* Whoever is listed once is not trusted again: neither dates nor scope of the CRL matter. */
static int check_listed(const struct crl *k, X509 *cert, enum verdict_code revoked, struct err *e)
{
	char label[LABEL_SIZE], by[LABEL_SIZE];
	X509_REVOKED *entry;

	if (X509_CRL_get0_by_cert(k->crl, &entry, cert) == 0)
		return 0;
	return refuse(e, revoked, "a certificate has been revoked: %s, in the CRL %s",
	              label_cert(label, cert), label_crl(by, k->crl));
}

static int ask(struct crl *k, X509 *cert, X509 *issuer, const uint8_t point[64],
               const struct anchor *a, time_t at, enum verdict_code revoked, struct err *e)
{
	int r;

	if ((r = check_signature(k, issuer, point, e)) < 0 ||
	    (r = check_listed(k, cert, revoked, e)) < 0 ||
	    (r = check_issuer_chain(k, issuer, a, e)) < 0 || (r = check_plain(k, e)) < 0)
		return r;
	return check_dates(k, at, e);
}

int collateral_revoked(struct collateral *c, X509 *cert, X509 *issuer, const uint8_t point[64],
                       const struct anchor *a, time_t at, enum verdict_code revoked,
                       const struct crl **ret_crl, struct err *e)
{
	const struct crl *newest = NULL, *failed = NULL;
	struct err why = {0};
	char label[LABEL_SIZE];
	int r;

	for (size_t i = 0; i < c->crls; i++) {
		struct crl *k = c->crl[i];

		if (X509_NAME_cmp(X509_CRL_get_issuer(k->crl), X509_get_subject_name(issuer)) != 0)
			continue;
		r = ask(k, cert, issuer, point, a, at, revoked, &why);
		if (r == 0 && (!newest || k->dates.from > newest->dates.from))
			newest = k;
		/* of several that do not help, the one that came furthest and holds longest */
		if (r < 0 && (!failed || why.why > e->why ||
		              (why.why == e->why && k->dates.to > failed->dates.to))) {
			failed = k;
			*e = why;
		}
		if (r == -ENOMEM || (r < 0 && why.why == (int)revoked)) {
			*e = why;
			return r;
		}
	}
	if (!newest && !failed)
		return refuse(e, VERDICT_CRL_MISSING, "the collateral has no CRL of %s",
		              label_cert(label, issuer));
	if (newest && ret_crl)
		*ret_crl = newest;
	return newest ? 0 : -EBADMSG;
}
