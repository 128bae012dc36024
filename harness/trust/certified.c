// SPDX-License-Identifier: Apache-2.0
#include "trust/certified.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "format/text.h"

/* Chains that are tried for one quote: collateral is no reason to verify without an end. */
#define TRIES_MAX 64

struct search {
	struct certified_cache *cache;
	struct collateral *collateral;
	X509 *test_root; /* or NULL */
	time_t at;
	unsigned tries;
};

static void certified_free(struct certified *p)
{
	if (p) {
		chain_done(&p->chain);
		EVP_PKEY_free(p->key);
	}
	free(p);
}

void certified_done(struct certified_cache *cache)
{
	for (size_t i = 0; i < CERTIFIED_MAX; i++)
		certified_free(cache->item[i]);
	*cache = (struct certified_cache){0};
}

static int verify(struct search *s, struct certified *p, struct err *e)
{
	return chain_verify(&p->chain, s->test_root, &p->origin, &p->dates, e);
}

static int read_leaf(struct certified *p, struct err *e)
{
	char label[LABEL_SIZE];
	int r = sgxext_read(p->chain.cert[0], &p->pck, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < CHAIN_PCK; i++) {
		if ((r = cert_point(p->chain.cert[i], p->point[i], e)) < 0)
			return refuse(e, VERDICT_PCK_CHAIN_INVALID,
			              "a certificate's key is not on P-256: %s",
			              label_cert(label, p->chain.cert[i]));
	}
	return ecdsa_from_point(p->point[0], &p->key, e);
}

/* ---- a leaf without its chain ---- */

static bool may_have_issued(const X509 *issuer, const X509 *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(cert)) == 0;
}

/* The collateral's i-th certificate: came alone, in a CRL's issuer chain, or as the test root. */
static X509 *issuer_at(const struct search *s, size_t i, bool *ret_end)
{
	const struct collateral *c = s->collateral;

	*ret_end = i > c->pooled + c->crls * CHAIN_SIGNING;
	if (i < c->pooled)
		return c->pool[i];
	i -= c->pooled;
	if (i < c->crls * CHAIN_SIGNING) /* NULL where the CRL came alone */
		return c->crl[i / CHAIN_SIGNING]->issuer.cert[i % CHAIN_SIGNING];
	return *ret_end ? NULL : s->test_root;
}

/* Of two chains that verify: one that holds when asked about, else the one that holds longest. */
static bool chain_better(const struct search *s, const struct dates *d, const struct dates *than)
{
	bool holds = dates_hold(d, s->at), other = dates_hold(than, s->at);

	return holds != other ? holds : d->to > than->to;
}

static int try_chain(struct search *s, X509 *leaf, X509 *ca, X509 *root, struct certified *best,
                     struct err *e)
{
	struct certified p = {
	        .chain = {.cert = {leaf, ca, root}, .count = CHAIN_PCK},
	};
	int r;

	if (s->tries++ == TRIES_MAX)
		return refuse(e, VERDICT_PCK_CHAIN_INVALID, "too many certificates of one name");
	if ((r = verify(s, &p, e)) == 0 &&
	    (!best->chain.count || chain_better(s, &p.dates, &best->dates))) {
		best->chain = p.chain;
		best->origin = p.origin;
		best->dates = p.dates;
	}
	return r;
}

static int try_roots(struct search *s, X509 *leaf, X509 *ca, struct certified *best, struct err *e)
{
	char label[LABEL_SIZE];
	bool end = false;
	int r = refuse(e, VERDICT_PCK_CHAIN_MISSING,
	               "the collateral has no root of the PCK certificate's issuer, %s",
	               label_cert(label, ca));

	for (size_t i = 0; !end && s->tries <= TRIES_MAX && r != -ENOMEM; i++) {
		X509 *root = issuer_at(s, i, &end);

		if (root && may_have_issued(root, ca))
			r = try_chain(s, leaf, ca, root, best, e);
	}
	return r;
}

/* Certificates are issued again with key and name as before: all that fit are tried. */
static int find_chain(struct search *s, X509 *leaf, struct certified *p, struct err *e)
{
	char label[LABEL_SIZE];
	bool end = false;
	int r = refuse(e, VERDICT_PCK_CHAIN_MISSING,
	               "the collateral has no issuer of the PCK certificate, %s",
	               label_cert(label, leaf));

	for (size_t i = 0; !end && s->tries <= TRIES_MAX && r != -ENOMEM; i++) {
		X509 *ca = issuer_at(s, i, &end);

		if (ca && may_have_issued(ca, leaf))
			r = try_roots(s, leaf, ca, p, e);
	}
	if (r == -ENOMEM || !p->chain.count) {
		p->chain = (struct chain){0}; /* nothing of it is ours */
		return r;
	}
	for (size_t k = 0; k < CHAIN_PCK; k++)
		X509_up_ref(p->chain.cert[k]);
	return 0;
}

/* ---- all of them, remembered ---- */

/* `leaf`: NULL when it is in `chain`. */
static int certified_read(struct search *s, const struct bytes *chain, X509 *leaf,
                          struct certified *p, struct err *e)
{
	int r;

	if (leaf)
		r = find_chain(s, leaf, p, e);
	else if ((r = chain_read(chain->data, chain->size, CHAIN_PCK, &s->collateral->known,
	                         &p->chain, e)) == 0)
		r = verify(s, p, e);
	if (r < 0)
		return refuse_as(e, VERDICT_PCK_CHAIN_MALFORMED, r);
	return read_leaf(p, e);
}

/* Either a chain's bytes or, with its DER, a leaf. */
static int remembered(struct search *s, const struct bytes *bytes, X509 *leaf,
                      struct certified **ret, struct err *e)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct certified **slot, *p;
	int r;

	SHA256(bytes->data, bytes->size, digest);
	slot = &s->cache->item[digest[0]];
	if (!*slot || (*slot)->alone != !!leaf || (leaf && !dates_hold(&(*slot)->dates, s->at)) ||
	    memcmp((*slot)->digest, digest, sizeof(digest)) != 0) {
		if (!(p = calloc(1, sizeof(*p))))
			return err_nomem(e);
		if ((r = certified_read(s, bytes, leaf, p, e)) < 0) {
			certified_free(p);
			return r;
		}
		memcpy(p->digest, digest, sizeof(digest));
		p->alone = leaf;
		certified_free(*slot);
		*slot = p;
	}
	*ret = *slot;
	return 0;
}

static int find_by_leaf(struct search *s, X509 *leaf, struct certified **ret, struct err *e)
{
	_cleanup_(OPENSSL_freep) unsigned char *der = NULL;
	int size = i2d_X509(leaf, &der);
	struct bytes bytes = {der, size > 0 ? (size_t)size : 0};

	if (size <= 0)
		return ssl_err(e, -EBADMSG, "PCK certificate");
	return remembered(s, &bytes, leaf, ret, e);
}

/* ---- the certificate that a quote names ---- */

static bool is_named(const struct quote *q, const X509 *cert)
{
	const struct quote_pck_id *id = &q->pck_id;
	struct pck pck;
	struct err ignored;

	if (sgxext_read(cert, &pck, &ignored) < 0)
		return false;
	return memcmp(pck.cpusvn, id->cpusvn, sizeof(pck.cpusvn)) == 0 &&
	       pck.pcesvn == id->pcesvn && memcmp(pck.pceid, id->pceid, sizeof(pck.pceid)) == 0 &&
	       (q->cert_type != QUOTE_CERT_PPID_PLAIN ||
	        memcmp(pck.ppid, id->ppid.data, sizeof(pck.ppid)) == 0);
}

static int none_named(const struct quote *q, struct err *e)
{
	const struct quote_pck_id *id = &q->pck_id;
	char ppid[HEX_ENCODED_SIZE(16)] = "(encrypted)", cpusvn[HEX_ENCODED_SIZE(16)];
	char pceid[HEX_ENCODED_SIZE(2)];

	if (q->cert_type == QUOTE_CERT_PPID_PLAIN)
		hex_encode(id->ppid.data, id->ppid.size, ppid);
	hex_encode(id->cpusvn, sizeof(id->cpusvn), cpusvn);
	hex_encode(id->pceid, sizeof(id->pceid), pceid);
	return refuse(e, VERDICT_PCK_MISSING,
	              "the collateral has no PCK certificate for PPID %s, CPUSVN %s, PCESVN %u, "
	              "PCEID %s",
	              ppid, cpusvn, id->pcesvn, pceid);
}

/*
 * With an encrypted PPID another platform's certificate may be named just as well: the one whose
 * key signed the QE report is meant. Of two that differ in what the issuer signed, one is forged.
 */
static int find_named(struct search *s, const struct quote *q, struct certified **ret,
                      struct err *e)
{
	const struct collateral *c = s->collateral;
	bool named = false, meant = false;
	int r = -EBADMSG;

	for (size_t i = 0; r == -EBADMSG && i < c->pooled; i++) {
		_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;

		if (!is_named(q, c->pool[i]) || cert_key(c->pool[i], &key, NULL) < 0)
			continue;
		named = true;
		if (!ecdsa_verify(key, q->qe_signature, q->qe_report_raw.data,
		                  q->qe_report_raw.size))
			continue;
		meant = true;
		r = find_by_leaf(s, c->pool[i], ret, e);
	}
	if (meant)
		return r;
	return named ? refuse(e, VERDICT_QE_REPORT_SIGNATURE,
	                      "the QE report's signature is not by the PCK certificate named")
	             : none_named(q, e);
}

int certified_find(struct certified_cache *cache, struct collateral *collateral, X509 *test_root,
                   const struct quote *q, time_t at, struct certified **ret, struct err *e)
{
	struct search s = {cache, collateral, test_root, at, 0};
	_cleanup_(X509_freep) X509 *leaf = NULL;
	int r;

	if (q->cert_type == QUOTE_CERT_PCK_CHAIN)
		return remembered(&s, &q->cert_data, NULL, ret, e);
	if (q->cert_type < QUOTE_CERT_PCK_LEAF)
		return find_named(&s, q, ret, e);
	if ((r = chain_read_leaf(q->cert_data.data, q->cert_data.size, &leaf, e)) < 0)
		return refuse_as(e, VERDICT_PCK_CHAIN_MALFORMED, r);
	return find_by_leaf(&s, leaf, ret, e);
}
