/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "test/scratch_authority.h"
#include "test/tests.h"
#include "trust/authority.h"
#include "trust/chain.h"
#include "trust/marker.h"

/*
 * Chains whose certificates all carry good signatures but are wrong in one thing each. What is
 * accepted here, X509_verify_cert() accepts too, as strict as it can be; it is asked every time.
 */
static const enum authority_role roles[CHAIN_PCK] = {ROLE_PCK, ROLE_PCK_CA, ROLE_ROOT};

/* ---- twists ---- */

static void add_value(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	ck_assert(ext && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static void drop(X509 *cert, int nid)
{
	int at = X509_get_ext_by_NID(cert, nid, -1);

	ck_assert_int_ge(at, 0);
	X509_EXTENSION_free(X509_delete_ext(cert, at));
}

static void replace(X509 *cert, int nid, const char *value)
{
	drop(cert, nid);
	add_value(cert, nid, value);
}

static void add_oid(X509 *cert, const char *oid, int critical)
{
	_cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext;

	ck_assert_int_eq(ASN1_OCTET_STRING_set(value, (const uint8_t *)"\x05", 2), 1); /* NULL */
	ext = X509_EXTENSION_create_by_OBJ(NULL, object, critical, value);
	ck_assert(ext && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(value);
}

static void set_issuer(X509 *cert, const char *name)
{
	X509_NAME *n = X509_NAME_new();

	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const uint8_t *)name, -1, -1, 0);
	ck_assert_int_eq(X509_set_issuer_name(cert, n), 1);
	X509_NAME_free(n);
}

static void set_key_id(X509 *cert)
{
	AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();

	id->keyid = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(id->keyid, (const uint8_t *)"another's identifier", 20);
	drop(cert, NID_authority_key_identifier);
	ck_assert_int_eq(X509_add1_ext_i2d(cert, NID_authority_key_identifier, id, 0, 0), 1);
	AUTHORITY_KEYID_free(id);
}

static void proxy(X509 *cert)
{
	PROXY_CERT_INFO_EXTENSION *info = PROXY_CERT_INFO_EXTENSION_new();

	ASN1_OBJECT_free(info->proxyPolicy->policyLanguage);
	info->proxyPolicy->policyLanguage = OBJ_nid2obj(NID_id_ppl_inheritAll);
	ck_assert_int_eq(X509_add1_ext_i2d(cert, NID_proxyCertInfo, info, 1, 0), 1);
	PROXY_CERT_INFO_EXTENSION_free(info);
}

#define TWIST(name, code)            \
	static void name(X509 *cert) \
	{                            \
		code;                \
	}
TWIST(is_ca, replace(cert, NID_basic_constraints, "critical,CA:TRUE"))
TWIST(is_no_ca, replace(cert, NID_basic_constraints, "critical,CA:FALSE"))
TWIST(no_constraints, drop(cert, NID_basic_constraints))
TWIST(mild_constraints, replace(cert, NID_basic_constraints, "CA:FALSE"))
TWIST(mild_ca, replace(cert, NID_basic_constraints, "CA:TRUE"))
TWIST(two_constraints, add_value(cert, NID_basic_constraints, "critical,CA:FALSE"))
TWIST(short_path, replace(cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"))
TWIST(path_of_a_leaf, replace(cert, NID_basic_constraints, "critical,CA:FALSE,pathlen:0"))
TWIST(no_usage, drop(cert, NID_key_usage))
TWIST(two_usages, add_value(cert, NID_key_usage, "critical,digitalSignature"))
TWIST(encipherment, replace(cert, NID_key_usage, "critical,keyEncipherment"))
TWIST(leaf_that_certifies, replace(cert, NID_key_usage, "critical,digitalSignature,keyCertSign"))
TWIST(crls_only, replace(cert, NID_key_usage, "critical,cRLSign"))
TWIST(certificates_only, replace(cert, NID_key_usage, "critical,keyCertSign"))
TWIST(unknown_critical, add_oid(cert, "1.2.3.4", 1))
TWIST(critical_extended_usage, add_value(cert, NID_ext_key_usage, "critical,serverAuth"))
TWIST(critical_key_id, replace(cert, NID_subject_key_identifier, "critical,01:02"))
TWIST(marker_twice, add_oid(cert, TRUST_MARKER_OID, 0))
TWIST(name_constraints, add_value(cert, NID_name_constraints, "permitted;DNS:example.org"))
TWIST(critical_name_constraints, add_value(cert, NID_name_constraints, "critical,permitted;DNS:x"))
TWIST(policy_constraints, add_value(cert, NID_policy_constraints, "requireExplicitPolicy:0"))
TWIST(any_policy, add_value(cert, NID_inhibit_any_policy, "0"))
TWIST(version_1, X509_set_version(cert, X509_VERSION_1))
TWIST(version_2, X509_set_version(cert, X509_VERSION_2))
TWIST(other_issuer, set_issuer(cert, "EMULATED SGX Another CA"))
TWIST(no_subject,
      while (X509_NAME_entry_count(X509_get_subject_name(cert)))
              X509_NAME_ENTRY_free(X509_NAME_delete_entry(X509_get_subject_name(cert), 0)))
TWIST(no_key_id, drop(cert, NID_subject_key_identifier))
TWIST(no_issuer_key_id, drop(cert, NID_authority_key_identifier))

static const struct {
	const char *name;
	size_t cert; /* 0 leaf, 1 CA, 2 root */
	void (*twist)(X509 *);
	const char *reason;
} twists[] = {
        {"leaf that is a CA", 0, is_ca, "a CA in the leaf's place"},
        {"leaf without constraints", 0, no_constraints, "malformed, missing"},
        {"leaf of constraints that are not critical", 0, mild_constraints, "the other way round"},
        {"leaf of two constraints", 0, two_constraints, "malformed, missing"},
        {"leaf with a path length", 0, path_of_a_leaf, "certificate 0"},
        {"leaf without usage", 0, no_usage, "malformed, missing"},
        {"leaf of two usages", 0, two_usages, "malformed, missing"},
        {"leaf that only enciphers", 0, encipherment, "does not let it sign"},
        {"leaf that certifies", 0, leaf_that_certifies, "certificate 0"},
        {"leaf with an unknown critical extension", 0, unknown_critical,
         "critical that is not known"},
        {"leaf of a critical extended usage", 0, critical_extended_usage,
         "critical that is not known"},
        {"leaf with an extension twice", 0, marker_twice, "an extension twice"},
        {"leaf with constraints of names", 0, name_constraints, "constraints of names"},
        {"leaf of a proxy", 0, proxy, "certificate 0"},
        {"leaf of version 1", 0, version_1, "not of version 3"},
        {"leaf of version 2", 0, version_2, "not of version 3"},
        {"leaf of another issuer's name", 0, other_issuer, "another's name"},
        {"leaf without a subject", 0, no_subject, "another's name"},
        {"leaf of another issuer's key", 0, set_key_id, "another's key identifier"},
        {"leaf of an issuer without identifier", 0, no_issuer_key_id, "another's key identifier"},
        {"CA that is none", 1, is_no_ca, "not a CA"},
        {"CA without constraints", 1, no_constraints, "certificate 1"},
        {"CA of constraints that are not critical", 1, mild_ca, "the other way round"},
        {"CA of two constraints", 1, two_constraints, "certificate 1"},
        {"CA without usage", 1, no_usage, "malformed, missing"},
        {"CA that signs CRLs only", 1, crls_only, "certificate 1"},
        {"CA that signs no CRLs", 1, certificates_only, "does not let it sign"},
        {"CA with an unknown critical extension", 1, unknown_critical,
         "critical that is not known"},
        {"CA with constraints of names", 1, name_constraints, "constraints of names"},
        {"CA with critical constraints of names", 1, critical_name_constraints, "certificate 1"},
        {"CA with constraints of policies", 1, policy_constraints, "constraints of names"},
        {"CA that inhibits policies", 1, any_policy, "constraints of names"},
        {"CA of a critical key identifier", 1, critical_key_id, "critical that is not known"},
        {"CA without key identifier", 1, no_key_id, "no subject key identifier"},
        {"CA of version 1", 1, version_1, "not of version 3"},
        {"CA of another issuer's name", 1, other_issuer, "another's name"},
        {"CA of another issuer's key", 1, set_key_id, "another's key identifier"},
        {"root that is none", 2, is_no_ca, "not a CA"},
        {"root of a path too short", 2, short_path, "path length"},
        {"root that signs CRLs only", 2, crls_only, "certificate 2"},
        {"root with an unknown critical extension", 2, unknown_critical,
         "critical that is not known"},
        {"root issued by another", 2, other_issuer, "another's name"},
        {"root of another key", 2, set_key_id, "another's key identifier"},
};

/* ---- the two judges ---- */

/* As they came in a file: parsed again by cert_parse(). Takes `cert` over. */
static X509 *parsed(X509 *cert)
{
	unsigned char *der = NULL;
	int size = i2d_X509(cert, &der);
	X509 *again = cert_parse(der, size);

	OPENSSL_free(der);
	X509_free(cert);
	ck_assert_ptr_nonnull(again);
	return again;
}

static X509 *copy(size_t i)
{
	return X509_dup(authority->id[roles[i]].cert);
}

static void sign(X509 *cert, size_t i, const EVP_MD *digest)
{
	size_t issuer = i + 1 < CHAIN_PCK ? i + 1 : i;

	ck_assert_int_gt(X509_sign(cert, authority->id[roles[issuer]].key, digest), 0);
}

/* The authority's chain with `cert`, which is taken over, in its place. */
static struct chain chain_with(X509 *cert, size_t at)
{
	struct chain c = {.count = CHAIN_PCK};

	for (size_t i = 0; i < CHAIN_PCK; i++)
		c.cert[i] = parsed(i == at ? cert : copy(i));
	return c;
}

/* Certificates whose keys are decoded: those of struct chain have none. */
static X509 *decoded(const X509 *cert)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	int size = i2d_X509(cert, &der);
	X509 *again;

	p = der;
	again = d2i_X509(NULL, &p, size);
	OPENSSL_free(der);
	return again;
}

static bool openssl_accepts(const struct chain *c)
{
	X509 *cert[CHAIN_PCK] = {decoded(c->cert[0]), decoded(c->cert[1]), decoded(c->cert[2])};
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *between = sk_X509_new_null();
	bool ok;

	X509_STORE_add_cert(store, cert[2]);
	sk_X509_push(between, cert[1]);
	X509_STORE_CTX_init(ctx, store, cert[0], between);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE |
	                                      X509_V_FLAG_NO_CHECK_TIME);
	ok = X509_verify_cert(ctx) == 1;
	ERR_clear_error();
	sk_X509_free(between);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	for (size_t i = 0; i < CHAIN_PCK; i++)
		X509_free(cert[i]);
	return ok;
}

/* NULL: accepted. Takes the certificates over. */
static const char *refusal(struct chain c, struct dates *ret_dates)
{
	static struct err e;
	enum origin origin;
	int r = chain_verify(&c, authority->id[ROLE_ROOT].cert, &origin, ret_dates, &e);

	ck_assert(r < 0 || (openssl_accepts(&c) && origin == ORIGIN_EMULATED));
	chain_done(&c);
	return r < 0 ? e.text : NULL;
}

static void assert_refused(struct chain c, const char *name, const char *reason)
{
	struct dates dates;
	const char *why = refusal(c, &dates);

	ck_assert_msg(why && strstr(why, reason), "%s: %s", name, why ?: "accepted");
}

/* ---- tests ---- */

TEST(as_it_should_be)
{
	struct dates dates;

	for (size_t i = 0; i < CHAIN_PCK; i++) {
		X509 *again = copy(i);

		sign(again, i, EVP_sha256());
		ck_assert_ptr_null(refusal(chain_with(again, i), &dates));
		ck_assert_int_lt(dates.from, dates.to);
	}
}

TEST_EACH(one_thing_wrong, twists)
{
	X509 *cert = copy(twists[_i].cert);

	twists[_i].twist(cert);
	sign(cert, twists[_i].cert, EVP_sha256());
	assert_refused(chain_with(cert, twists[_i].cert), twists[_i].name, twists[_i].reason);
}

/* By SHA-256, whatever it says of itself. */
static void sign_as_it_is(X509 *cert, size_t i)
{
	size_t issuer = i + 1 < CHAIN_PCK ? i + 1 : i, size = 80;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const ASN1_BIT_STRING *signature;
	unsigned char *tbs = NULL, der[80];
	int n = i2d_re_X509_tbs(cert, &tbs);

	ck_assert(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL,
	                             authority->id[roles[issuer]].key) == 1 &&
	          EVP_DigestSign(ctx, der, &size, tbs, (size_t)n) == 1);
	X509_get0_signature(&signature, NULL, cert);
	ck_assert_int_eq(ASN1_STRING_set((ASN1_STRING *)signature, der, (int)size), 1);
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(tbs);
}

/* Another digest, honestly said or only on one of the two places that say it. */
TEST(other_algorithms)
{
	for (size_t i = 0; i < CHAIN_PCK; i++) {
		X509 *cert = copy(i);
		const X509_ALGOR *outer;
		ASN1_OBJECT *object;

		sign(cert, i, EVP_sha384());
		assert_refused(chain_with(cert, i), "SHA-384", "signature failure");
		cert = copy(i);
		sign(cert, i, EVP_sha256());
		X509_get0_signature(NULL, &outer, cert);
		object = OBJ_nid2obj(NID_ecdsa_with_SHA384);
		X509_ALGOR_set0((X509_ALGOR *)outer, object, V_ASN1_UNDEF, NULL);
		assert_refused(chain_with(cert, i), "outer alone", "signature failure");
		cert = copy(i);
		X509_ALGOR_set0((X509_ALGOR *)X509_get0_tbs_sigalg(cert), object, V_ASN1_UNDEF,
		                NULL);
		sign_as_it_is(cert, i);
		assert_refused(chain_with(cert, i), "inner alone", "signature failure");
	}
}

/* Signed by whoever is at hand, or with a key on another curve. */
TEST(other_keys)
{
	EVP_PKEY *p384 = EVP_EC_gen("P-384");
	X509 *ca = copy(1), *leaf = copy(0);
	struct chain c;

	for (size_t i = 0; i < CHAIN_PCK; i++) {
		X509 *cert = copy(i);

		ck_assert_int_gt(X509_sign(cert, authority->id[ROLE_SIGNING].key, EVP_sha256()), 0);
		assert_refused(chain_with(cert, i), "another's key", "signature failure");
	}
	X509_set_pubkey(ca, p384);
	sign(ca, 1, EVP_sha256());
	X509_sign(leaf, p384, EVP_sha256());
	c = chain_with(leaf, 0);
	X509_free(c.cert[1]);
	c.cert[1] = parsed(ca);
	assert_refused(c, "P-384", "not on P-256");
	EVP_PKEY_free(p384);
}

/* A leaf of dates that no time is between holds at none; each end is a certificate's. */
TEST(no_time)
{
	X509 *cert = copy(0);
	struct dates dates;

	ASN1_TIME_set(X509_getm_notBefore(cert), 2000000000);
	ASN1_TIME_set(X509_getm_notAfter(cert), 1900000000);
	sign(cert, 0, EVP_sha256());
	ck_assert_ptr_null(refusal(chain_with(cert, 0), &dates));
	for (time_t t = 1899999999; t <= 2000000001; t += 50000001)
		ck_assert(!dates_hold(&dates, t));
}

TESTS("chain", .timeout = 60, .before = authority_make, .after = authority_drop)
