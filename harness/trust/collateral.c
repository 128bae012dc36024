// SPDX-License-Identifier: Apache-2.0
#include "trust/collateral.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "trust/ecdsa.h"

static void item_free(struct signed_item *i)
{
	chain_done(&i->chain);
	X509_free(i->signer);
	json_decref(i->json);
	free(i->raw);
	free(i);
}

void collateral_done(struct collateral *c)
{
	for (size_t i = 0; i < c->items; i++)
		item_free(c->item[i]);
	for (size_t i = 0; i < c->crls; i++) {
		chain_done(&c->crl[i]->issuer);
		X509_CRL_free(c->crl[i]->crl);
		free(c->crl[i]);
	}
	for (size_t i = 0; i < c->pooled; i++)
		X509_free(c->pool[i]);
	chain_known_done(&c->known);
	chain_done(&c->signing.chain);
	memset(c, 0, sizeof(*c));
}

/* ---- signed JSON ---- */

static const char *item_name(const struct signed_item *i)
{
	return i->kind == SIGNED_TCB_INFO ? "the TCB info" : "the QE identity";
}

static struct validity item_dates(const struct signed_item *i)
{
	return i->kind == SIGNED_TCB_INFO ? (struct validity){i->tcb.issued, i->tcb.next}
	                                  : (struct validity){i->qe.issued, i->qe.next};
}

/* Equal certificates are one object: chain_read() sees to it. */
static bool same_chain(const struct chain *a, const struct chain *b)
{
	return a->count == CHAIN_SIGNING && b->count == CHAIN_SIGNING && a->cert[0] == b->cert[0] &&
	       a->cert[1] == b->cert[1];
}

static int verify_signing(struct collateral *c, const struct chain *chain, const struct anchor *a,
                          enum origin *ret_origin, struct validity *ret_validity, struct err *e)
{
	int r;

	if (!same_chain(chain, &c->signing.chain)) {
		if ((r = chain_verify(chain, a->test_root, ret_origin, ret_validity, e)) < 0)
			return r;
		chain_done(&c->signing.chain);
		c->signing.chain = *chain;
		for (size_t i = 0; i < chain->count; i++)
			X509_up_ref(chain->cert[i]);
		c->signing.origin = *ret_origin;
		c->signing.validity = *ret_validity;
	}
	*ret_origin = c->signing.origin;
	*ret_validity = c->signing.validity;
	return 0;
}

/* Whether `chain` is a signing chain to the anchor and its leaf signed the item. */
static int verify_by(struct collateral *c, struct signed_item *i, const struct chain *chain,
                     const struct anchor *a, struct err *e)
{
	struct validity validity;
	enum origin origin;
	EVP_PKEY *key;
	int r;

	if (i->not_by == chain->cert[0])
		return err_set(e, -EBADMSG, "%s: the signature is wrong", item_name(i));
	if ((r = verify_signing(c, chain, a, &origin, &validity, e)) < 0)
		return r;
	key = X509_get0_pubkey(chain->cert[0]);
	if (origin != a->origin)
		return err_set(e, -EBADMSG, "%s has another root than the quote", item_name(i));
	if (!key || !ecdsa_verify(key, i->signature, i->raw, i->raw_size)) {
		i->not_by = chain->cert[0];
		return err_set(e, -EBADMSG, "%s: the signature is wrong", item_name(i));
	}
	X509_free(i->signer);
	i->signer = chain->cert[0];
	X509_up_ref(i->signer);
	i->validity = validity_both(validity, item_dates(i));
	i->origin = origin;
	return 0;
}

/* Tries the certificates that came alone. */
static int verify_by_pool(struct collateral *c, struct signed_item *i, const struct anchor *a,
                          struct err *e)
{
	int r = err_set(e, -EBADMSG, "%s came without its issuer's certificate", item_name(i));

	for (size_t k = 0; k < c->pooled; k++) {
		struct chain chain = {.cert = {c->pool[k], a->root}, .count = CHAIN_SIGNING};

		if (X509_cmp(c->pool[k], a->root) == 0 || X509_check_ca(c->pool[k]) != 0)
			continue;
		if ((r = verify_by(c, i, &chain, a, e)) != -EBADMSG)
			break;
	}
	return r;
}

static int item_verify(struct collateral *c, struct signed_item *i, const struct anchor *a,
                       struct err *e)
{
	if (i->origin == a->origin)
		return 0;
	return i->chain.count ? verify_by(c, i, &i->chain, a, e) : verify_by_pool(c, i, a, e);
}

static bool item_newer(const struct signed_item *i, const struct signed_item *than)
{
	uint32_t a = i->kind == SIGNED_TCB_INFO ? i->tcb.evaluation : i->qe.evaluation;
	uint32_t b = i->kind == SIGNED_TCB_INFO ? than->tcb.evaluation : than->qe.evaluation;

	return a != b ? a > b : item_dates(i).from > item_dates(than).from;
}

/* The newest of a kind (for `pck`'s platform, unless NULL) that verifies and holds. */
static int find_item(struct collateral *c, const struct anchor *a, enum signed_kind kind,
                     const struct pck *pck, time_t at, struct signed_item **ret, struct err *e)
{
	struct signed_item *best = NULL;
	int r = err_set(e, -ENOENT, "the collateral has no %s",
	                kind == SIGNED_QE_IDENTITY ? "identity of Intel's TD quoting enclave"
	                                           : "TCB info of TDX for this platform");

	for (size_t k = 0; k < c->items; k++) {
		struct signed_item *i = c->item[k];

		if (i->kind != kind || (best && !item_newer(i, best)) ||
		    (pck && (memcmp(i->tcb.fmspc, pck->fmspc, sizeof(pck->fmspc)) != 0 ||
		             memcmp(i->tcb.pceid, pck->pceid, sizeof(pck->pceid)) != 0)))
			continue;
		r = item_verify(c, i, a, e);
		if (r == -ENOMEM)
			return r;
		if (r == 0 && (r = validity_check(&i->validity, at, item_name(i), e)) == 0)
			r = collateral_revoked(c, i->signer, a->root, a->root_point, a, at, e);
		if (r == 0)
			best = i;
	}
	if (!best)
		return r;
	*ret = best;
	return 0;
}

int collateral_tcb_info(struct collateral *c, const struct anchor *a, const struct pck *pck,
                        time_t at, struct signed_item **ret, struct err *e)
{
	return find_item(c, a, SIGNED_TCB_INFO, pck, at, ret, e);
}

int collateral_qe_identity(struct collateral *c, const struct anchor *a, time_t at,
                           struct signed_item **ret, struct err *e)
{
	return find_item(c, a, SIGNED_QE_IDENTITY, NULL, at, ret, e);
}

/* ---- revocation ---- */

/* What we do not understand must not be ignored: a CRL's scope can hang on a critical extension. */
static bool crl_is_plain(const X509_CRL *crl)
{
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)))
			return false;
	}
	return X509_CRL_get_signature_nid(crl) == NID_ecdsa_with_SHA256;
}

static int crl_verify(struct crl *k, X509 *issuer, const uint8_t point[64], const struct anchor *a,
                      struct err *e)
{
	if (k->verified && memcmp(k->verified_by, point, 64) == 0)
		return 0;
	if (k->refused && memcmp(k->refused_by, point, 64) == 0)
		return err_set(e, -EBADMSG, "the CRL's signature is wrong");
	if (!crl_is_plain(k->crl) || X509_CRL_verify(k->crl, X509_get0_pubkey(issuer)) != 1) {
		int r = ssl_err(e, -EBADMSG, "the CRL's signature is wrong");

		k->refused = r != -ENOMEM;
		memcpy(k->refused_by, point, 64);
		return r;
	}
	if (k->issuer.count &&
	    (X509_cmp(k->issuer.cert[0], issuer) != 0 || X509_cmp(k->issuer.cert[1], a->root) != 0))
		return err_set(e, -EBADMSG, "the CRL's issuer chain is not the quote's");
	memcpy(k->verified_by, point, 64);
	k->verified = true;
	return 0;
}

int collateral_revoked(struct collateral *c, X509 *cert, X509 *issuer, const uint8_t point[64],
                       const struct anchor *a, time_t at, struct err *e)
{
	bool asked = false;
	int r = err_set(e, -ENOENT, "the collateral has no CRL of a certificate's issuer");
	for (size_t i = 0; i < c->crls; i++) {
		struct crl *k = c->crl[i];
		X509_REVOKED *entry;

		if (X509_NAME_cmp(X509_CRL_get_issuer(k->crl), X509_get_subject_name(issuer)) != 0)
			continue;
		if ((r = crl_verify(k, issuer, point, a, e)) < 0 ||
		    (r = validity_check(&k->validity, at, "the CRL", e)) < 0)
			continue;
		if (X509_CRL_get0_by_cert(k->crl, &entry, cert) != 0)
			return err_set(e, -EKEYREVOKED, "a certificate has been revoked");
		asked = true;
	}
	return asked ? 0 : r;
}
