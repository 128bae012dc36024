// SPDX-License-Identifier: Apache-2.0
#include "trust/authority.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "trust/ecdsa.h"
#include "trust/marker.h"

#define VALID_DAYS (20 * 365)

static const struct profile {
	const char *name;
	const char *constraints;
	const char *usage;
} profiles[ROLE_COUNT] = {
        [ROLE_ROOT] = {"EMULATED SGX Root CA", "critical,CA:TRUE,pathlen:1",
                       "critical,keyCertSign,cRLSign"},
        [ROLE_PCK_CA] = {"EMULATED SGX PCK Platform CA", "critical,CA:TRUE,pathlen:0",
                         "critical,keyCertSign,cRLSign"},
        [ROLE_PCK] = {"EMULATED SGX PCK Certificate", "critical,CA:FALSE",
                      "critical,digitalSignature,nonRepudiation"},
        [ROLE_SIGNING] = {"EMULATED SGX TCB Signing", "critical,CA:FALSE",
                          "critical,digitalSignature,nonRepudiation"},
};

void identity_done(struct identity *id)
{
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
	*id = (struct identity){0};
}

static bool set_name(X509 *cert, const struct profile *p)
{
	X509_NAME *name = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)p->name, -1,
	                                  -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
	                                  (const uint8_t *)"EMULATED by tception, not by Intel", -1,
	                                  -1, 0) == 1;
}

static bool set_serial(X509 *cert)
{
	_cleanup_(BN_freep) BIGNUM *n = BN_new();

	return n && BN_rand(n, 159, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
	       BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
}

static bool set_validity(X509 *cert)
{
	return X509_time_adj_ex(X509_getm_notBefore(cert), -1, 0, NULL) &&
	       X509_time_adj_ex(X509_getm_notAfter(cert), VALID_DAYS, 0, NULL);
}

static bool add(X509 *cert, X509V3_CTX *ctx, const char *name, const char *value)
{
	_cleanup_(X509_EXTENSION_freep) X509_EXTENSION *ext =
	        X509V3_EXT_nconf(NULL, ctx, name, value);

	return ext && X509_add_ext(cert, ext, -1) == 1;
}

static bool add_extensions(X509 *cert, X509 *issuer, const struct profile *p)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	return add(cert, &ctx, "basicConstraints", p->constraints) &&
	       add(cert, &ctx, "keyUsage", p->usage) &&
	       add(cert, &ctx, "subjectKeyIdentifier", "hash") &&
	       add(cert, &ctx, "authorityKeyIdentifier", "keyid:always") &&
	       add(cert, &ctx, TRUST_MARKER_OID, "ASN1:UTF8String:" TRUST_MARKER_TEXT);
}

int issue_identity(enum authority_role role, const struct identity *issuer, const struct pck *pck,
                   struct identity *ret, struct err *e)
{
	_cleanup_(identity_done) struct identity id = {.cert = X509_new()};
	const struct profile *p = &profiles[role];
	int r = ecdsa_generate(&id.key, e);

	if (r < 0)
		return r;
	if (!issuer)
		issuer = &id;
	if (!id.cert || X509_set_version(id.cert, X509_VERSION_3) != 1 || !set_serial(id.cert) ||
	    !set_name(id.cert, p) || !set_validity(id.cert) ||
	    X509_set_issuer_name(id.cert, X509_get_subject_name(issuer->cert)) != 1 ||
	    X509_set_pubkey(id.cert, id.key) != 1 || !add_extensions(id.cert, issuer->cert, p))
		return ssl_err(e, -EIO, "cannot make a certificate of the test authority");
	if (pck && (r = sgxext_add(id.cert, pck, e)) < 0)
		return r;
	if (X509_sign(id.cert, issuer->key, EVP_sha256()) <= 0)
		return ssl_err(e, -EIO, "cannot sign a certificate of the test authority");
	*ret = TAKE(id, (struct identity){0});
	return 0;
}
