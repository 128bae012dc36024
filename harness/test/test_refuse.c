/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/cleanup.h"
#include "format/tdx.h"
#include "format/text.h"
#include "test/recertify.h"
#include "test/scratch_authority.h"
#include "test/tests.h"
#include "trust/authority.h"
#include "trust/cert.h"
#include "trust/policy.h"
#include "trust/verify.h"

/*
 * Which of several faults counts, by its code: revocation before expiry, certificates that are
 * issued again or named otherwise, collateral that failed. What is right is what Intel's QVL says of
 * such collateral, but for critical extensions, which it does not look at.
 */
#define NOW 1800000000
#define DAY 86400

static uint8_t *quote_bytes;
static size_t quote_size;
static struct quote quote;

static void setup(void)
{
	struct tdreport report = emulated_report();
	struct err e;

	report.tcb.tee_tcb_svn[1] = 1;
	ck_assert_int_eq(authority_quote(authority, &report, 4, &quote_bytes, &quote_size, &e), 0);
	ck_assert_int_eq(quote_parse(quote_bytes, quote_size, &quote, NULL), FORMAT_OK);
}

static void teardown(void)
{
	free(quote_bytes);
}

/* ---- making ---- */

static json_t *bundle(time_t at, const X509 *revoked)
{
	struct bundle_contents contents = {.at = at, .revoked = revoked};
	_cleanup_(freep) char *text = NULL;
	struct err e;

	ck_assert_int_eq(authority_bundle_of(authority, &contents, &text, &e), 0);
	return json_loads(text, 0, NULL);
}

/* The certificate of a role once more, with its key: valid for other days, or named otherwise. */
static X509 *reissue(enum authority_role role, time_t from, time_t to, const char *name)
{
	enum authority_role issuer = role == ROLE_PCK ? ROLE_PCK_CA : ROLE_ROOT;
	X509 *cert = X509_dup(authority->id[role].cert);
	X509_NAME *names = X509_get_subject_name(cert);

	ck_assert_ptr_nonnull(ASN1_TIME_set(X509_getm_notBefore(cert), from));
	ck_assert_ptr_nonnull(ASN1_TIME_set(X509_getm_notAfter(cert), to));
	if (name) {
		X509_NAME_ENTRY_free(X509_NAME_delete_entry(
		        names, X509_NAME_get_index_by_NID(names, NID_commonName, -1)));
		X509_NAME_add_entry_by_txt(names, "CN", MBSTRING_UTF8, (const uint8_t *)name, -1,
		                           -1, 0);
	}
	ck_assert_int_gt(X509_sign(cert, authority->id[issuer].key, EVP_sha256()), 0);
	return cert;
}

static char *pem(X509 *const *cert, size_t count)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long size;

	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(PEM_write_bio_X509(bio, cert[i]), 1);
	size = BIO_get_mem_data(bio, &data);
	text = strndup(data, (size_t)size);
	BIO_free(bio);
	return text;
}

/* A chain of `cert` and the root. */
static json_t *chain_text(X509 *cert)
{
	X509 *const certs[] = {cert, authority->id[ROLE_ROOT].cert};
	char *text = pem(certs, 2);
	json_t *o = json_string(text);

	free(text);
	return o;
}

/* Takes `o` over. */
static void give_json(struct verifier *v, json_t *o)
{
	_cleanup_(freep) char *text = json_dumps(o, 0);

	json_decref(o);
	give(v, text);
}

static struct verdict *ask(struct verifier *v)
{
	static struct verdict d;
	struct err e;

	ck_assert_int_eq(verifier_check(v, &quote, NOW, &d, &e), 0);
	ck_assert_int_eq(d.authentic, verdict_code_authentic(d.code));
	ck_assert_int_eq(d.code == VERDICT_OK, d.reason[0] == 0);
	return &d;
}

static void assert_code(struct verifier *v, enum verdict_code code)
{
	const struct verdict *d = ask(v);

	ck_assert_msg(d->code == code, "%s instead of %s: %s", verdict_code_names[d->code],
	              verdict_code_names[code], d->reason);
	verifier_free(v);
}

/* ---- revocation ---- */

TEST(listed_once)
{
	static const struct {
		enum authority_role role;
		enum verdict_code code;
	} listed[] = {
	        {ROLE_PCK, VERDICT_PCK_REVOKED},
	        {ROLE_PCK_CA, VERDICT_PCK_CA_REVOKED},
	        {ROLE_ROOT, VERDICT_ROOT_REVOKED},
	        {ROLE_SIGNING, VERDICT_TCB_SIGNING_REVOKED}, /* the collateral's fault */
	};
	static const int days[] = {0, -40, +40}; /* holds, has expired, does not hold yet */

	for (size_t i = 0; i < COUNT_OF(listed); i++) {
		const X509 *cert = authority->id[listed[i].role].cert;

		for (size_t k = 0; k < COUNT_OF(days); k++) {
			struct verifier *v = authority_verifier();

			give_json(v, bundle(NOW + days[k] * DAY, cert));
			ck_assert_int_eq(ask(v)->code, listed[i].code);
			give_json(v, bundle(NOW, NULL)); /* a newer one forgives nothing */
			assert_code(v, listed[i].code);
		}
	}
}

/* Listed in one CRL, while another is missing or expired: listed is what counts. */
TEST(listed_among_faults)
{
	json_t *o = bundle(NOW - 40 * DAY, authority->id[ROLE_PCK].cert);
	struct verifier *v = authority_verifier();

	json_object_del(o, "root_ca_crl");
	give_json(v, o);
	assert_code(v, VERDICT_PCK_REVOKED);

	v = authority_verifier();
	give_json(v, bundle(NOW - 40 * DAY, NULL));
	assert_code(v, VERDICT_CRL_EXPIRED);
	v = authority_verifier();
	give_json(v, bundle(NOW + 40 * DAY, NULL));
	assert_code(v, VERDICT_CRL_NOT_YET_VALID);
}

/* The root's certificate issued again, with another number: it came with the TCB info alone. */
TEST(listed_root_of_a_signer)
{
	X509 *again = X509_dup(authority->id[ROLE_ROOT].cert);
	X509 *const certs[] = {authority->id[ROLE_SIGNING].cert, again};
	_cleanup_(freep) char *text = NULL;

	ck_assert(ASN1_INTEGER_set(X509_get_serialNumber(again), 77) == 1);
	ck_assert_int_gt(X509_sign(again, authority->id[ROLE_ROOT].key, EVP_sha256()), 0);
	text = pem(certs, 2);
	for (int listed = 0; listed < 2; listed++) {
		struct verifier *v = authority_verifier();
		json_t *o = bundle(NOW, listed ? again : NULL);

		json_object_set_new(o, "tcb_info_issuer_chain", json_string(text));
		give_json(v, o);
		assert_code(v, listed ? VERDICT_ROOT_REVOKED : VERDICT_OK);
	}
	X509_free(again);
}

enum crl_twist { CRL_CRITICAL, CRL_SHA384, CRL_OTHER_KEY, CRL_OTHER_NAME, CRL_TWISTS };

static void twist_crl(X509_CRL *crl, enum crl_twist how)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_issuing_distribution_point,
	                                          "critical,onlyCA:TRUE");
	const EVP_MD *digest = how == CRL_SHA384 ? EVP_sha384() : EVP_sha256();
	enum authority_role by = how == CRL_OTHER_KEY ? ROLE_SIGNING : ROLE_PCK_CA;
	X509_NAME *other = X509_get_subject_name(authority->id[ROLE_SIGNING].cert);

	ck_assert_ptr_nonnull(ext);
	if (how == CRL_CRITICAL)
		ck_assert_int_eq(X509_CRL_add_ext(crl, ext, -1), 1);
	if (how == CRL_OTHER_NAME)
		ck_assert_int_eq(X509_CRL_set_issuer_name(crl, other), 1);
	ck_assert_int_gt(X509_CRL_sign(crl, authority->id[by].key, digest), 0);
	X509_EXTENSION_free(ext);
}

/* A CRL in hexadecimal, changed and signed anew. */
static json_t *twisted(const char *hex, enum crl_twist how)
{
	uint8_t der[4096];
	const uint8_t *p = der;
	unsigned char *again = NULL;
	X509_CRL *crl;
	json_t *text;
	size_t n;
	int size;

	ck_assert_int_eq(hex_decode(hex, strlen(hex), der, &n), FORMAT_OK);
	crl = d2i_X509_CRL(NULL, &p, (long)n);
	ck_assert_ptr_nonnull(crl);
	twist_crl(crl, how);
	size = i2d_X509_CRL(crl, &again);
	{
		_cleanup_(freep) char *out = malloc(HEX_ENCODED_SIZE((size_t)size));

		hex_encode(again, (size_t)size, out);
		text = json_string(out);
	}
	OPENSSL_free(again);
	X509_CRL_free(crl);
	return text;
}

TEST(critical_extension)
{
	for (int listed = 0; listed < 2; listed++) {
		json_t *o = bundle(NOW, listed ? authority->id[ROLE_PCK].cert : NULL);
		struct verifier *v = authority_verifier();

		json_object_set_new(
		        o, "pck_crl",
		        twisted(json_string_value(json_object_get(o, "pck_crl")), CRL_CRITICAL));
		give_json(v, o);
		ck_assert(listed || strstr(ask(v)->reason, "2.5.29.28"));
		assert_code(v, listed ? VERDICT_PCK_REVOKED : VERDICT_CRL_EXTENSION);
	}
}

/* Who is listed in one of a wrong digest is listed; others' CRLs list nobody. */
TEST(crls_of_others)
{
	static const enum verdict_code codes[CRL_TWISTS][2] = {
	        [CRL_SHA384] = {VERDICT_CRL_ALGORITHM, VERDICT_PCK_REVOKED},
	        [CRL_OTHER_KEY] = {VERDICT_CRL_SIGNATURE, VERDICT_CRL_SIGNATURE},
	        [CRL_OTHER_NAME] = {VERDICT_CRL_MISSING, VERDICT_CRL_MISSING},
	};

	for (enum crl_twist how = CRL_SHA384; how < CRL_TWISTS; how++) {
		for (int listed = 0; listed < 2; listed++) {
			json_t *o = bundle(NOW, listed ? authority->id[ROLE_PCK].cert : NULL);
			const char *hex = json_string_value(json_object_get(o, "pck_crl"));
			struct verifier *v = authority_verifier();

			json_object_set_new(o, "pck_crl", twisted(hex, how));
			give_json(v, o);
			assert_code(v, codes[how][listed]);
		}
	}
}

/* ---- names ---- */

TEST(named_otherwise)
{
	X509 *other = reissue(ROLE_SIGNING, NOW - DAY, NOW + DAY, "EMULATED SGX Something Else");
	X509 *chain[] = {reissue(ROLE_PCK, NOW - DAY, NOW + DAY, "EMULATED SGX Leaf"),
	                 authority->id[ROLE_PCK_CA].cert, authority->id[ROLE_ROOT].cert};
	_cleanup_(freep) char *text = pem(chain, 3);
	static uint8_t renamed[QUOTE_MAX];
	struct verifier *v = authority_verifier();
	json_t *o = bundle(NOW, NULL);
	size_t size;

	json_object_set_new(o, "tcb_info_issuer_chain", chain_text(other));
	json_object_set_new(o, "qe_identity_issuer_chain", chain_text(other));
	give_json(v, o);
	ck_assert_ptr_nonnull(strstr(ask(v)->reason, "Something Else"));
	assert_code(v, VERDICT_TCB_SIGNING_NAME);

	size = recertify(quote_bytes, quote_size, QUOTE_CERT_PCK_CHAIN, text, strlen(text),
	                 renamed);
	ck_assert_int_eq(quote_parse(renamed, size, &quote, NULL), FORMAT_OK);
	v = authority_verifier();
	give_json(v, bundle(NOW, NULL));
	assert_code(v, VERDICT_PCK_CHAIN_NAME);
	X509_free(other);
	X509_free(chain[0]);
}

/* ---- issued again ---- */

/* TCB info and QE identity as Intel serves them, without issuer chains. */
static void give_bodies(struct verifier *v)
{
	static const char *const key[][2] = {{"tcb_info", "tcbInfo"},
	                                     {"qe_identity", "enclaveIdentity"}};
	json_t *o = bundle(NOW, NULL);

	for (size_t i = 0; i < 2; i++) {
		_cleanup_(freep) char *text = NULL;
		char name[40];

		snprintf(name, sizeof(name), "%s_signature", key[i][0]);
		ck_assert_int_gt(asprintf(&text, "{\"%s\":%s,\"signature\":\"%s\"}", key[i][1],
		                          json_string_value(json_object_get(o, key[i][0])),
		                          json_string_value(json_object_get(o, name))),
		                 0);
		give(v, text);
	}
	give(v, json_string_value(json_object_get(o, "root_ca_crl")));
	give(v, json_string_value(json_object_get(o, "pck_crl")));
	json_decref(o);
}

static void give_cert(struct verifier *v, X509 *cert)
{
	_cleanup_(freep) char *text = pem(&cert, 1);

	give(v, text);
}

/* In any order, the one that holds is found; without it, the reason names the one that is there. */
TEST(signers_issued_again)
{
	X509 *old = reissue(ROLE_SIGNING, NOW - 900 * DAY, NOW - 20 * DAY, NULL);
	X509 *new = reissue(ROLE_SIGNING, NOW - 30 * DAY, NOW + 900 * DAY, NULL);

	for (int order = 0; order < 6; order++) {
		struct verifier *v = authority_verifier();

		for (int i = 0; i < 3; i++) {
			switch ((order / 2 + (order % 2 ? 2 - i : i)) % 3) {
			case 0:
				give_bodies(v);
				break;
			case 1:
				give_cert(v, old);
				break;
			default:
				give_cert(v, new);
				break;
			}
			if (i < 2)
				ck_assert_int_ne(ask(v)->code, VERDICT_QUOTE_SIGNATURE);
		}
		assert_code(v, VERDICT_OK);
	}
	{
		struct verifier *v = authority_verifier();
		const struct verdict *d;
		json_t *o = bundle(NOW, NULL);

		give_bodies(v);
		give_cert(v, old);
		d = ask(v);
		ck_assert_int_eq(d->code, VERDICT_TCB_SIGNING_EXPIRED);
		ck_assert_ptr_nonnull(strstr(d->reason, "TCB Signing"));
		ck_assert_ptr_nonnull(strstr(d->reason, "2026-12-26")); /* NOW - 20 days */
		verifier_free(v);

		v = authority_verifier(); /* the chain that came along is the old one */
		json_object_set_new(o, "tcb_info_issuer_chain", chain_text(old));
		json_object_set_new(o, "qe_identity_issuer_chain", chain_text(old));
		give_json(v, o);
		ck_assert_int_eq(ask(v)->code, VERDICT_TCB_SIGNING_EXPIRED);
		give_cert(v, new);
		assert_code(v, VERDICT_OK);
	}
	X509_free(old);
	X509_free(new);
}

TEST(ca_issued_again)
{
	X509 *again = reissue(ROLE_PCK_CA, NOW - DAY, NOW + 400 * DAY, NULL);
	X509 *forged = X509_dup(again);
	struct verifier *v = authority_verifier();
	json_t *o = bundle(NOW, NULL);

	json_object_set_new(o, "pck_crl_issuer_chain", chain_text(again));
	give_json(v, json_deep_copy(o));
	assert_code(v, VERDICT_OK);

	ck_assert_int_gt(X509_sign(forged, authority->id[ROLE_PCK].key, EVP_sha256()), 0);
	json_object_set_new(o, "pck_crl_issuer_chain", chain_text(forged));
	v = authority_verifier();
	give_json(v, o);
	assert_code(v, VERDICT_CRL_ISSUER_CHAIN);
	X509_free(again);
	X509_free(forged);
}

/* A leaf alone in the quote, its CA issued twice: again, the one that holds. */
TEST(ca_of_a_leaf_issued_again)
{
	X509 *old = reissue(ROLE_PCK_CA, NOW - 900 * DAY, NOW - 20 * DAY, NULL);
	_cleanup_(freep) char *leaf = pem(&authority->id[ROLE_PCK].cert, 1);
	static uint8_t alone[QUOTE_MAX];
	size_t size =
	        recertify(quote_bytes, quote_size, QUOTE_CERT_PCK_LEAF, leaf, strlen(leaf), alone);

	ck_assert_int_eq(quote_parse(alone, size, &quote, NULL), FORMAT_OK);
	for (int first = 0; first < 2; first++) {
		struct verifier *v = authority_verifier();
		json_t *o = bundle(NOW, NULL);

		json_object_set_new(o, "pck_crl_issuer_chain", chain_text(old));
		give_json(v, o);
		if (first)
			give_cert(v, authority->id[ROLE_PCK_CA].cert);
		ck_assert_int_eq(ask(v)->code, first ? VERDICT_OK : VERDICT_PCK_CHAIN_EXPIRED);
		give_cert(v, authority->id[ROLE_PCK_CA].cert); /* helps those who asked before */
		assert_code(v, VERDICT_OK);
	}
	X509_free(old);
}

/* ---- no status ---- */

static bool accepted(struct verifier *v)
{
	static const char policy[] = "{\"accepted_statuses\":[\"UpToDate\",\"NotEvaluated\"]}";
	static struct policy_result r;
	struct policy *p;
	struct err e;

	ck_assert_int_eq(policy_read(policy, strlen(policy), &p, &e), 0);
	policy_apply(p, &quote, ask(v), &r);
	policy_free(p);
	verifier_free(v);
	return r.accepted;
}

/* "NotEvaluated" is that none was given: nothing that failed passes for it. */
TEST(not_evaluated)
{
	static const char *const keys[] = {"tcb_info_signature", "qe_identity_signature"};
	struct verifier *v = authority_verifier();
	struct err e;

	give_cert(v, authority->id[ROLE_PCK_CA].cert); /* is no collateral */
	ck_assert(accepted(v));
	v = authority_verifier();
	ck_assert_int_lt(verifier_add(v, "{\"tcb_info\":1}", 14, &e), 0);
	ck_assert(!accepted(v));
	for (size_t i = 0; i < 2; i++) {
		json_t *o = bundle(NOW, NULL);
		const char *was = json_string_value(json_object_get(o, keys[i]));
		char *wrong = strdup(was);

		wrong[9] = wrong[9] == '0' ? '1' : '0';
		json_object_set_new(o, keys[i], json_string(wrong));
		free(wrong);
		v = authority_verifier();
		give_json(v, o);
		ck_assert(!accepted(v));
	}
	for (int days = -40; days <= 40; days += 80) {
		v = authority_verifier();
		give_json(v, bundle(NOW + days * DAY, NULL));
		ck_assert(!accepted(v));
	}
	v = authority_verifier();
	give_json(v, bundle(NOW, NULL));
	ck_assert(accepted(v));
}

/* ---- what certificates and collateral say ---- */

TEST(all_that_is_told)
{
	struct verifier *v = authority_verifier();
	const struct verdict *d;

	give_json(v, bundle(NOW - 10, NULL));
	d = ask(v);
	ck_assert_int_eq(d->code, VERDICT_OK);
	ck_assert_int_eq(d->collateral.tcb_info.from, NOW - 10);
	ck_assert_int_eq(d->collateral.expires, NOW - 10 + 30 * DAY);
	ck_assert_str_eq(d->collateral.pck_crl_number, "1799999990");
	ck_assert(d->has_pck);
	ck_assert_mem_eq(d->pck.fmspc, authority_platform.fmspc, 6);
	verifier_free(v);
}

TEST(sgx_extension)
{
	struct pck pck = authority_platform, back;
	struct identity id;
	struct err e;

	pck.type = SGX_TYPE_SCALABLE_INTEGRITY;
	pck.has_instance = true;
	memset(pck.instance, 0xab, sizeof(pck.instance));
	pck.dynamic = KNOWN_TRUE;
	pck.cached_keys = KNOWN_FALSE;
	ck_assert_int_eq(issue_identity(ROLE_PCK, &authority->id[ROLE_PCK_CA], &pck, &id, &e), 0);
	ck_assert_int_eq(sgxext_read(id.cert, &back, &e), 0);
	ck_assert_int_eq(back.type, SGX_TYPE_SCALABLE_INTEGRITY);
	ck_assert(back.has_instance);
	ck_assert_mem_eq(back.instance, pck.instance, sizeof(pck.instance));
	ck_assert_int_eq(back.dynamic, KNOWN_TRUE);
	ck_assert_int_eq(back.cached_keys, KNOWN_FALSE);
	ck_assert_int_eq(back.smt, KNOWN_NOT);
	identity_done(&id);
}

TESTS("refuse", .timeout = 60, .setup = setup, .teardown = teardown, .before = authority_make,
      .after = authority_drop)
