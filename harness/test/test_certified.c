/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "format/tdx.h"
#include "test/golden.h"
#include "test/recertify.h"
#include "test/scratch_authority.h"
#include "test/tests.h"
#include "trust/authority.h"
#include "trust/chain.h"
#include "trust/verify.h"

/*
 * Quotes without the chain of their PCK certificate (certification data of types 1 to 4). First a
 * genuine one, whose certification data was replaced by cases/golden/quote/make.py: Intel's
 * signatures still hold, so that the expected verdict is that of Intel's library for the original.
 * Then one of the test authority, which issues what a case needs.
 */
#define AT  1770801952
#define NOW 1800000000

static const char *const made[] = {"ppid-plain", "ppid-rsa2048", "ppid-rsa3072", "pck-leaf",
                                   "pck-leaf-der"};
enum { PPID_PLAIN, PPID_RSA2048, PPID_RSA3072, PCK_LEAF, PCK_LEAF_DER, MADE };

static struct golden donor, bundle_bytes;
static struct quote original;
static char *pem;      /* the original's chain */
static json_t *bundle; /* without the quote's own certificates */

static void setup(void)
{
	donor = golden_read("quote/9c3786b9b3d6.bin");
	ck_assert_int_eq(quote_parse(donor.data, donor.size, &original, NULL), FORMAT_OK);
	pem = strndup((const char *)original.cert_data.data, original.cert_data.size);
	bundle_bytes = golden_read("collateral/60c2bf34.json");
	bundle = json_loadb((const char *)bundle_bytes.data, bundle_bytes.size, 0, NULL);
	ck_assert(json_is_object(bundle));
}

static void teardown(void)
{
	free(pem);
	json_decref(bundle);
	golden_done(&bundle_bytes);
	golden_done(&donor);
}

static struct golden made_read(int which)
{
	char name[80];

	snprintf(name, sizeof(name), "quote/certification/%s.bin", made[which]);
	return golden_read(name);
}

static void give_bundle(struct verifier *v, const json_t *o)
{
	_cleanup_(freep) char *text = json_dumps(o, 0);

	give(v, text);
}

static struct verdict ask_at(struct verifier *v, const void *data, size_t size, time_t at)
{
	struct verdict d;
	struct quote q;
	struct err e;

	ck_assert_int_eq(quote_parse(data, size, &q, NULL), FORMAT_OK);
	ck_assert_int_eq(verifier_check(v, &q, at, &d, &e), 0);
	return d;
}

static struct verdict ask(struct verifier *v, const struct golden *g)
{
	return ask_at(v, g->data, g->size, AT);
}

static void assert_refused(const struct verdict *d, const char *why)
{
	ck_assert(!d->authentic);
	ck_assert_int_eq(d->origin, ORIGIN_UNKNOWN);
	ck_assert_int_eq(d->status, TCB_NOT_EVALUATED);
	ck_assert_msg(strstr(d->reason, why), "%s", d->reason);
}

static void assert_holds(const struct verdict *d)
{
	ck_assert_msg(d->status == TCB_UP_TO_DATE, "%s", d->reason);
	ck_assert_int_eq(d->origin, ORIGIN_HARDWARE);
	assert_hex("FMSPC", d->pck.fmspc, 6, "00806f050000");
}

static json_t *with_pck(void)
{
	json_t *o = json_deep_copy(bundle);

	/* with the NUL that ends it in many a quote */
	json_object_set_new(o, "pck_certificate_chain", json_stringn(pem, strlen(pem) + 1));
	return o;
}

/* ---- a genuine quote ---- */

TEST_RANGE(found_in_a_bundle, 0, MADE)
{
	struct golden g = made_read(_i);
	struct verifier *v = authority_verifier();
	json_t *o = with_pck();
	struct verdict d = ask(v, &g);

	assert_refused(&d, _i < PCK_LEAF ? "no PCK certificate for" : "no issuer");
	json_object_set_new(bundle, "pck_certificate_chain", json_null());
	give_bundle(v, bundle);
	d = ask(v, &g);
	if (_i < PCK_LEAF)
		assert_refused(&d, "no PCK certificate for");
	else
		assert_holds(&d);
	give_bundle(v, o); /* nothing was remembered that is not so any more */
	for (int i = 0; i < 2; i++) {
		d = ask(v, &g);
		assert_holds(&d);
	}
	d = ask_at(v, g.data, g.size, 1700000000);
	assert_refused(&d, "not yet valid");
	verifier_free(v);
	json_decref(o);
	golden_done(&g);
}

static char *escaped(const char *chain)
{
	char *out = malloc(3 * strlen(chain) + 1), *p = out;

	*out = '\0';
	for (; *chain; chain++)
		p += sprintf(p, strchr("\n +/=", *chain) ? "%%%02X" : "%c", *chain);
	return out;
}

/* As Intel's PCS answers: the leaf, or the CRL, and its issuer chain in a header. */
TEST_RANGE(found_as_served, 0, MADE)
{
	static const char end[] = "-----END CERTIFICATE-----\n";
	size_t leaf_size = (size_t)(strstr(pem, end) - pem) + strlen(end);
	_cleanup_(freep) char *issuers = escaped(pem + leaf_size), *leaf = NULL, *crl = NULL;
	struct golden g = made_read(_i);
	struct verifier *v = authority_verifier();
	struct verdict d;

	ck_assert_int_gt(asprintf(&leaf,
	                          "HTTP/1.1 200 OK\r\nSGX-PCK-Certificate-Issuer-Chain: %s\r\n"
	                          "\r\n%.*s",
	                          issuers, (int)leaf_size, pem),
	                 0);
	ck_assert_int_gt(asprintf(&crl, "HTTP/1.1 200 OK\r\nSGX-PCK-CRL-Issuer-Chain: %s\r\n\r\n%s",
	                          issuers, json_string_value(json_object_get(bundle, "pck_crl"))),
	                 0);
	give(v, crl);
	d = ask(v, &g);
	ck_assert_int_eq(d.authentic, _i >= PCK_LEAF);
	verifier_free(v);
	v = authority_verifier();
	json_object_del(bundle, "pck_crl_issuer_chain");
	give_bundle(v, bundle);
	d = ask(v, &g);
	ck_assert(!d.authentic);
	give(v, leaf);
	d = ask(v, &g);
	assert_holds(&d);
	verifier_free(v);
	golden_done(&g);
}

/* Each field of what names the certificate; and nothing else that could be named so. */
TEST(another_name)
{
	static const struct {
		int which;
		size_t back; /* from the quote's end */
		bool named;  /* still */
	} twists[] = {
	        {PPID_PLAIN, 36, false},   {PPID_PLAIN, 21, false},  {PPID_PLAIN, 20, false},
	        {PPID_PLAIN, 5, false},    {PPID_PLAIN, 4, false},   {PPID_PLAIN, 3, false},
	        {PPID_PLAIN, 2, false},    {PPID_PLAIN, 1, false},   {PPID_RSA2048, 20, false},
	        {PPID_RSA2048, 4, false},  {PPID_RSA2048, 1, false}, {PPID_RSA3072, 20, false},
	        {PPID_RSA3072, 4, false},  {PPID_RSA3072, 1, false}, {PPID_RSA2048, 276, true},
	        {PPID_RSA3072, 404, true}, /* what only Intel can read */
	};
	json_t *o = with_pck();
	struct verifier *v = authority_verifier();

	give_bundle(v, o);
	for (size_t i = 0; i < COUNT_OF(twists); i++) {
		struct golden g = made_read(twists[i].which);
		struct verdict d;

		g.data[g.size - twists[i].back] ^= 1;
		d = ask(v, &g);
		if (twists[i].named)
			assert_holds(&d);
		else
			assert_refused(&d, "no PCK certificate for");
		golden_done(&g);
	}
	verifier_free(v);
	json_decref(o);
}

/* The leaf: every byte of its DER, and another platform's. */
TEST(another_leaf)
{
	struct golden g = made_read(PCK_LEAF_DER), h = golden_read("quote/00b2526ab190.bin");
	struct verifier *v = authority_verifier();
	uint8_t out[QUOTE_MAX];
	struct verdict d;
	struct chain c;
	struct quote q;
	struct err e;
	uint8_t *der = NULL;
	int size;

	give_bundle(v, bundle);
	ck_assert_int_eq(quote_parse(g.data, g.size, &q, NULL), FORMAT_OK);
	for (size_t i = g.size - q.cert_data.size; i < g.size; i++) {
		g.data[i] ^= 1 << i % 8;
		ck_assert_msg(!ask(v, &g).authentic, "byte %zu", i);
		g.data[i] ^= 1 << i % 8;
	}
	d = ask(v, &g);
	assert_holds(&d);
	ck_assert_int_eq(quote_parse(h.data, h.size, &q, NULL), FORMAT_OK);
	ck_assert_int_eq(chain_read(q.cert_data.data, q.cert_data.size, CHAIN_PCK, NULL, &c, &e),
	                 0);
	size = i2d_X509(c.cert[0], &der);
	d = ask_at(v, out, recertify(g.data, g.size, QUOTE_CERT_PCK_LEAF, der, (size_t)size, out),
	           AT);
	assert_refused(&d, "QE report's signature");
	OPENSSL_free(der);
	der = NULL;
	size = i2d_X509(c.cert[1], &der); /* its issuer, which the root does vouch for */
	d = ask_at(v, out, recertify(g.data, g.size, QUOTE_CERT_PCK_LEAF, der, (size_t)size, out),
	           AT);
	ck_assert(!d.authentic);
	OPENSSL_free(der);
	chain_done(&c);
	verifier_free(v);
	golden_done(&g);
	golden_done(&h);
}

/* Data of one type under the number of another, before and after it is known. */
TEST(another_type)
{
	struct golden text = made_read(PCK_LEAF), der = made_read(PCK_LEAF_DER);
	struct verifier *v = authority_verifier();
	struct quote q[2];
	uint8_t out[QUOTE_MAX];

	ck_assert_int_eq(quote_parse(text.data, text.size, &q[0], NULL), FORMAT_OK);
	ck_assert_int_eq(quote_parse(der.data, der.size, &q[1], NULL), FORMAT_OK);
	give_bundle(v, bundle);
	for (int again = 0; again < 2; again++) {
		const struct {
			uint16_t type;
			const struct bytes *data;
			const char *why;
		} cases[] = {
		        {QUOTE_CERT_PCK_CHAIN, &q[0].cert_data, "1 of 3 certificates"},
		        {QUOTE_CERT_PCK_CHAIN, &q[1].cert_data, "not PEM text"},
		        {QUOTE_CERT_PCK_LEAF, &original.cert_data, "more than 1"},
		        {QUOTE_CERT_PLATFORM_MANIFEST, &original.cert_data, "type 7"},
		};
		struct verdict d;

		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			size_t size = recertify(donor.data, donor.size, cases[i].type,
			                        cases[i].data->data, cases[i].data->size, out);

			d = ask_at(v, out, size, AT);
			assert_refused(&d, cases[i].why);
		}
		d = ask(v, &text);
		assert_holds(&d);
		d = ask(v, &donor);
		assert_holds(&d);
	}
	verifier_free(v);
	golden_done(&text);
	golden_done(&der);
}

TEST(no_chain_in_a_bundle)
{
	static const char *const bad[] = {"", "PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n"};
	struct verifier *v = authority_verifier();
	struct err e;

	for (size_t i = 0; i <= 3; i++) {
		_cleanup_(freep) char *text = NULL;

		json_object_set_new(bundle, "pck_certificate_chain",
		                    i == 3 ? json_integer(1) : json_string(bad[i]));
		text = json_dumps(bundle, 0);
		ck_assert_msg((verifier_add(v, text, strlen(text), &e) < 0) == (i > 1), "%zu", i);
	}
	verifier_free(v);
}

/* ---- a quote of the test authority ---- */

static size_t own_quote(const struct authority *a, uint16_t type, uint8_t *out)
{
	const struct pck *p = &authority_platform;
	uint8_t id[384 + 20] = {0}, *quote, *at = id;
	struct tdreport report = emulated_report();
	unsigned char *der = NULL;
	size_t size;
	struct err e;

	report.tcb.tee_tcb_svn[1] = 1;
	ck_assert_int_eq(
	        authority_quote((struct authority *)(uintptr_t)a, &report, 4, &quote, &size, &e),
	        0);
	if (type == QUOTE_CERT_PCK_LEAF) {
		int n = i2d_X509(a->id[ROLE_PCK].cert, &der);

		size = recertify(quote, size, type, der, (size_t)n, out);
	} else {
		if (type == QUOTE_CERT_PPID_PLAIN)
			memcpy(at, p->ppid, 16);
		at += type == QUOTE_CERT_PPID_PLAIN ? 16 : 384;
		memcpy(at, p->cpusvn, 16);
		memcpy(at + 16, &p->pcesvn, 2);
		memcpy(at + 18, p->pceid, 2);
		size = recertify(quote, size, type, id, (size_t)(at - id) + 20, out);
	}
	OPENSSL_free(der);
	free(quote);
	return size;
}

static void give_cert(struct verifier *v, X509 *cert)
{
	_cleanup_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());

	ck_assert_int_eq(PEM_write_bio_X509(bio, cert), 1);
	ck_assert_int_eq(BIO_write(bio, "", 1), 1);
	char *text;
	BIO_get_mem_data(bio, &text);
	give(v, text);
}

static void give_own_bundle(struct verifier *v, const X509 *revoked)
{
	_cleanup_(freep) char *text = NULL;
	struct err e;

	ck_assert_int_eq(
	        authority_bundle_of(authority,
	                            &(struct bundle_contents){.at = NOW, .revoked = revoked}, &text,
	                            &e),
	        0);
	give(v, text);
}

static const uint16_t own_types[] = {QUOTE_CERT_PPID_PLAIN, QUOTE_CERT_PPID_RSA3072,
                                     QUOTE_CERT_PCK_LEAF};

/* Whatever way the certificate came: revocation is asked for. */
TEST_RANGE(revoked, 0, 3)
{
	X509 *const certs[] = {NULL, authority->id[ROLE_PCK].cert, authority->id[ROLE_PCK_CA].cert};
	uint8_t out[QUOTE_MAX];
	size_t size = own_quote(authority, own_types[_i], out);

	for (size_t i = 0; i < 3; i++) {
		struct verifier *v = authority_verifier();
		struct verdict d;

		give_own_bundle(v, certs[i]);
		give_cert(v, authority->id[ROLE_PCK].cert);
		d = ask_at(v, out, size, NOW);
		if (certs[i]) {
			assert_refused(&d, "revoked");
		} else {
			ck_assert_msg(d.status == TCB_UP_TO_DATE, "%s", d.reason);
			ck_assert_int_eq(d.origin, ORIGIN_EMULATED);
		}
		verifier_free(v);
	}
}

/* Another key's certificate can have the same names and the same SGX extension. */
TEST_RANGE(named_alike, 0, 3)
{
	uint8_t out[QUOTE_MAX];
	size_t size = own_quote(authority, own_types[_i], out);
	struct identity other;
	struct verifier *v = authority_verifier();
	struct verdict d;
	struct err e;

	ck_assert_int_eq(issue_identity(ROLE_PCK, &authority->id[ROLE_PCK_CA], &authority_platform,
	                                &other, &e),
	                 0);
	give_own_bundle(v, NULL);
	give_cert(v, other.cert);
	d = ask_at(v, out, size, NOW);
	if (own_types[_i] == QUOTE_CERT_PCK_LEAF)
		ck_assert_int_eq(d.status, TCB_UP_TO_DATE);
	else
		assert_refused(&d, "not by the PCK certificate named");
	give_cert(v, authority->id[ROLE_PCK].cert);
	d = ask_at(v, out, size, NOW);
	ck_assert_msg(d.status == TCB_UP_TO_DATE, "%s", d.reason);
	identity_done(&other);
	verifier_free(v);
}

/* What names a certificate can be copied by anyone, its key too: a copy must not hide
 * the original. */
TEST_RANGE(forged_twin, 0, PCK_LEAF)
{
	struct golden g = made_read(_i);
	struct verifier *v = authority_verifier();
	json_t *o = with_pck();
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	unsigned char *der = NULL;
	int size = i2d_X509(leaf, &der);
	struct verdict d;
	struct err e;

	ck_assert_int_gt(size, 0);
	der[size - 1] ^= 1; /* of the signature */
	ck_assert_int_eq(verifier_add(v, der, (size_t)size, &e), 0);
	give_bundle(v, bundle);
	d = ask(v, &g);
	assert_refused(&d, "certificate");
	give_bundle(v, o);
	d = ask(v, &g);
	assert_holds(&d);
	OPENSSL_free(der);
	X509_free(leaf);
	BIO_free(bio);
	verifier_free(v);
	json_decref(o);
	golden_done(&g);
}

/* Issuers of the right name that did not issue it: one, and more than are tried. */
TEST_RANGE(issuers_named_alike, 0, 3)
{
	uint8_t out[QUOTE_MAX];
	size_t size = own_quote(authority, own_types[_i], out);
	struct identity root, ca;
	struct verifier *v = authority_verifier(), *few = authority_verifier();
	struct verdict d;
	struct err e;

	give_cert(v, authority->id[ROLE_PCK].cert);
	d = ask_at(v, out, size, NOW);
	assert_refused(&d, "no issuer");
	ck_assert_int_eq(issue_identity(ROLE_ROOT, NULL, NULL, &root, &e), 0);
	for (int i = 0; i < 70; i++) {
		ck_assert_int_eq(issue_identity(ROLE_PCK_CA, &root, NULL, &ca, &e), 0);
		give_cert(v, ca.cert);
		if (i == 0)
			give_cert(few, ca.cert);
		identity_done(&ca);
		d = ask_at(v, out, size, NOW);
		assert_refused(&d, i < 64 ? "certificate chain: " : "too many certificates");
	}
	give_cert(few, root.cert);
	give_cert(few, authority->id[ROLE_PCK].cert);
	give_own_bundle(few, NULL);
	d = ask_at(few, out, size, NOW);
	ck_assert_msg(d.status == TCB_UP_TO_DATE, "%s", d.reason);
	identity_done(&root);
	verifier_free(few);
	verifier_free(v);
}

/* A root that nobody trusts, and with it all below. */
TEST_RANGE(another_install, 0, 3)
{
	uint8_t out[QUOTE_MAX];
	size_t size = own_quote(authority, own_types[_i], out);
	struct verifier *v;
	struct verdict d;
	struct err e;

	ck_assert_int_eq(verifier_new(NULL, &v, &e), 0);
	give_own_bundle(v, NULL);
	give_cert(v, authority->id[ROLE_PCK].cert);
	d = ask_at(v, out, size, NOW);
	assert_refused(&d, "neither in Intel's root nor the test root");
	verifier_free(v);
}

TESTS("certified", .timeout = 60, .setup = setup, .teardown = teardown, .before = authority_make,
      .after = authority_drop)
