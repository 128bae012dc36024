// SPDX-License-Identifier: Apache-2.0
#include "trust/collateral.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "format/text.h"
#include "trust/ecdsa.h"

static void item_free(struct signed_item *i)
{
	chain_done(&i->chain);
	for (size_t k = 0; k < i->signers; k++)
		X509_free(i->signer[k].cert);
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
	for (size_t i = 0; i < c->others; i++)
		json_decref(c->other[i].json);
	for (size_t i = 0; i < c->pooled; i++)
		X509_free(c->pool[i]);
	chain_known_done(&c->known);
	chain_done(&c->signing.chain);
	memset(c, 0, sizeof(*c));
}

/* ---- signed JSON: who signed it ---- */

static const char *item_name(const struct signed_item *i)
{
	return i->kind == SIGNED_TCB_INFO ? "the TCB info" : "the QE identity";
}

static struct dates item_dates(const struct signed_item *i)
{
	return i->kind == SIGNED_TCB_INFO ? (struct dates){i->tcb.issued, i->tcb.next}
	                                  : (struct dates){i->qe.issued, i->qe.next};
}

/* Equal certificates are one object: chain_read() sees to it. */
static bool same_chain(const struct chain *a, const struct chain *b)
{
	return a->count == CHAIN_SIGNING && b->count == CHAIN_SIGNING && a->cert[0] == b->cert[0] &&
	       a->cert[1] == b->cert[1];
}

static int verify_signing(struct collateral *c, const struct chain *chain, const struct anchor *a,
                          enum origin *ret_origin, struct dates *ret_dates, struct err *e)
{
	int r;

	if (!same_chain(chain, &c->signing.chain)) {
		if ((r = chain_verify(chain, a->test_root, ret_origin, ret_dates, e)) < 0)
			return r;
		chain_done(&c->signing.chain);
		c->signing.chain = *chain;
		for (size_t i = 0; i < chain->count; i++)
			X509_up_ref(chain->cert[i]);
		c->signing.origin = *ret_origin;
		c->signing.dates = *ret_dates;
	}
	*ret_origin = c->signing.origin;
	*ret_dates = c->signing.dates;
	return 0;
}

/* Whether `chain` is a signing chain to the anchor and its leaf signed the item. */
static int verify_by(struct collateral *c, struct signed_item *i, const struct chain *chain,
                     const struct anchor *a, struct err *e)
{
	char label[LABEL_SIZE];
	struct dates dates;
	enum origin origin;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	int r;

	if ((r = verify_signing(c, chain, a, &origin, &dates, e)) < 0)
		return err_prefix(e, "%s", item_name(i));
	if (origin != a->origin)
		return refuse(e, VERDICT_TCB_SIGNING_OTHER_ROOT,
		              "%s has another root than the quote: %s", item_name(i),
		              label_cert(label, chain->cert[chain->count - 1]));
	if (cert_key(chain->cert[0], &key, NULL) < 0 ||
	    !ecdsa_verify(key, i->signature, i->raw, i->raw_size))
		return refuse(e,
		              i->kind == SIGNED_TCB_INFO ? VERDICT_TCB_INFO_SIGNATURE
		                                         : VERDICT_QE_IDENTITY_SIGNATURE,
		              "%s: the signature is wrong: not by %s", item_name(i),
		              label_cert(label, chain->cert[0]));
	X509_up_ref(chain->cert[0]);
	i->signer[i->signers++] = (struct signer){chain->cert[0], dates};
	i->origin = origin;
	return 0;
}

/* Which of two refusals of an item tells more: the further its signer came. */
static int told(const struct err *e)
{
	switch (e->why) {
	case VERDICT_ROOT_REVOKED:
	case VERDICT_TCB_SIGNING_REVOKED:
		return 5;
	case VERDICT_TCB_SIGNING_EXPIRED:
	case VERDICT_TCB_SIGNING_NOT_YET_VALID:
		return 4;
	case VERDICT_TCB_SIGNING_NAME:
		return 3;
	case VERDICT_TCB_INFO_SIGNATURE:
	case VERDICT_QE_IDENTITY_SIGNATURE:
		return 2;
	case VERDICT_TCB_SIGNING_MISSING:
		return 0;
	default:
		return 1;
	}
}

/* Whether it is known of a certificate that it signed the item, or that it did not. */
static bool is_known(const struct signed_item *i, const X509 *cert)
{
	for (size_t k = 0; k < SIGNERS_MAX; k++) {
		if (i->not_by[k] == cert)
			return true;
	}
	for (size_t k = 0; k < i->signers; k++) {
		if (cert_equal(i->signer[k].cert, cert))
			return true;
	}
	return false;
}

/*
 * The collateral's k-th certificate that may have signed the item, or NULL: one that came alone;
 * for an item that came with its signer's, any that was issued anew for that key and name.
 */
static X509 *candidate(const struct collateral *c, const struct signed_item *i, size_t k)
{
	X509 *cert = k < c->pooled ? c->pool[k] : c->item[k - c->pooled]->chain.cert[0];

	if (!cert || X509_check_ca(cert) != 0)
		return NULL;
	if (i->chain.count)
		return i->signers && cert_reissued(cert, i->chain.cert[0]) ? cert : NULL;
	return k < c->pooled ? cert : NULL;
}

static int try_candidate(struct collateral *c, struct signed_item *i, const struct chain *chain,
                         const struct anchor *a)
{
	struct err why = {0};
	int r;

	if (i->signers == SIGNERS_MAX || is_known(i, chain->cert[0]))
		return 0;
	r = verify_by(c, i, chain, a, &why);
	if (r == -EBADMSG) /* it lives as long as the collateral */
		i->not_by[i->nots++ % SIGNERS_MAX] = chain->cert[0];
	if (r == -EBADMSG && told(&why) > told(&i->tried_why))
		i->tried_why = why;
	return r == -ENOMEM ? r : 0;
}

/* Every certificate here; not again until there are more. */
static int try_all(struct collateral *c, struct signed_item *i, const struct anchor *a)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < c->pooled + c->items; k++) {
		struct chain chain = {.cert = {candidate(c, i, k), a->root},
		                      .count = CHAIN_SIGNING};

		if (chain.cert[0])
			r = try_candidate(c, i, &chain, a);
	}
	i->tried = c->pooled + c->items;
	return r;
}

/* ---- signed JSON: at a time ---- */

/* The signer's dates and revocation. */
static int check_signer(struct collateral *c, const struct signed_item *i, const struct signer *s,
                        const struct anchor *a, time_t at, struct err *e)
{
	struct chain chain = {.cert = {s->cert, a->root}, .count = CHAIN_SIGNING};
	int r = collateral_revoked(c, s->cert, a->root, a->root_point, a, at,
	                           VERDICT_TCB_SIGNING_REVOKED, NULL, e);

	if (r == 0 && i->chain.count && i->chain.cert[1] != a->root) /* that one was asked for */
		r = collateral_revoked(c, i->chain.cert[1], a->root, a->root_point, a, at,
		                       VERDICT_ROOT_REVOKED, NULL, e);
	if (r == 0 && !dates_hold(&s->dates, at)) {
		r = chain_check_dates(&chain, at, e);
		if (r == 0 && i->chain.count) /* then the root's that came with it */
			r = chain_check_dates(&i->chain, at, e);
	}
	return r < 0 ? err_prefix(e, "%s", item_name(i)) : 0;
}

/* The signer that holds, of those known; the best reason where none does. */
static int pick_signer(struct collateral *c, const struct signed_item *i, const struct anchor *a,
                       time_t at, const struct signer **ret, struct err *e)
{
	struct dates best = {0};
	struct err why = {0};
	int r = -EBADMSG;

	*e = i->tried_why;
	if (!e->why)
		refuse(e, VERDICT_TCB_SIGNING_MISSING, "%s came without its issuer's certificate",
		       item_name(i));
	for (size_t k = 0; r == -EBADMSG && k < i->signers; k++) {
		r = check_signer(c, i, &i->signer[k], a, at, &why);
		if (r == 0)
			*ret = &i->signer[k];
		else if (told(&why) > told(e) ||
		         (told(&why) == told(e) && i->signer[k].dates.to > best.to)) {
			*e = why;
			best = i->signer[k].dates;
		}
	}
	return r;
}

static int item_verify(struct collateral *c, struct signed_item *i, const struct anchor *a,
                       time_t at, const struct signer **ret, struct err *e)
{
	int r;

	if (i->origin != ORIGIN_NONE && i->origin != a->origin)
		return refuse(e, VERDICT_TCB_SIGNING_OTHER_ROOT,
		              "%s has another root than the quote", item_name(i));
	if (i->tried_for != a->origin) {
		i->tried = 0;
		i->tried_for = a->origin;
		i->tried_why = (struct err){0};
		memset(i->not_by, 0, sizeof(i->not_by));
		if (i->chain.count && (r = try_candidate(c, i, &i->chain, a)) < 0)
			return err_nomem(e);
	}
	if ((r = pick_signer(c, i, a, at, ret, e)) != -EBADMSG || i->tried == c->pooled + c->items)
		return r;
	if ((r = try_all(c, i, a)) < 0)
		return err_nomem(e);
	return pick_signer(c, i, a, at, ret, e);
}

/* ---- the newest ---- */

static uint32_t item_evaluation(const struct signed_item *i)
{
	return i->kind == SIGNED_TCB_INFO ? i->tcb.evaluation : i->qe.evaluation;
}

/* Of two evaluations the one of the set that was chosen; of one, the later issue. */
static bool item_newer(const struct collateral *c, const struct signed_item *i,
                       const struct signed_item *than)
{
	uint32_t a = item_evaluation(i), b = item_evaluation(than);

	if (a != b)
		return c->set == SET_STANDARD ? a < b : a > b;
	return item_dates(i).from > item_dates(than).from;
}

static bool is_chosen(const struct collateral *c, const struct signed_item *i)
{
	return c->set != SET_NUMBER || item_evaluation(i) == c->evaluation;
}

static int check_item(struct collateral *c, struct signed_item *i, const struct anchor *a,
                      time_t at, const struct signer **ret, struct err *e)
{
	struct dates dates = item_dates(i);
	int r = item_verify(c, i, a, at, ret, e);

	if (r < 0)
		return r;
	return dates_check(&dates, at, item_name(i),
	                   i->kind == SIGNED_TCB_INFO ? VERDICT_TCB_INFO_EXPIRED
	                                              : VERDICT_QE_IDENTITY_EXPIRED,
	                   e);
}

static bool is_for(const struct signed_item *i, const struct pck *pck)
{
	return !pck || (memcmp(i->tcb.fmspc, pck->fmspc, sizeof(pck->fmspc)) == 0 &&
	                memcmp(i->tcb.pceid, pck->pceid, sizeof(pck->pceid)) == 0);
}

/* There is nothing of the kind, or only for others. */
static int none_found(const struct collateral *c, const struct pck *pck, struct err *e)
{
	char wanted[HEX_ENCODED_SIZE(6)], pceid[HEX_ENCODED_SIZE(2)],
	        other[HEX_ENCODED_SIZE(6)] = "";

	if (!pck)
		return refuse(e, VERDICT_QE_IDENTITY_MISSING,
		              "the collateral has no identity of Intel's TD quoting enclave");
	for (size_t k = 0; k < c->items; k++) {
		if (c->item[k]->kind == SIGNED_TCB_INFO)
			hex_encode(c->item[k]->tcb.fmspc, 6, other);
	}
	hex_encode(pck->fmspc, 6, wanted);
	hex_encode(pck->pceid, 2, pceid);
	return refuse(e, other[0] ? VERDICT_TCB_INFO_OTHER_PLATFORM : VERDICT_TCB_INFO_MISSING,
	              "the collateral has no TCB info of TDX for this platform, FMSPC %s, PCEID "
	              "%s%s%s",
	              wanted, pceid, other[0] ? ", but for FMSPC " : "", other);
}

/* The chosen of a kind (for `pck`'s platform, unless NULL) that verifies and holds. */
static int find_item(struct collateral *c, const struct anchor *a, enum signed_kind kind,
                     const struct pck *pck, time_t at, struct found_item *ret, struct err *e)
{
	const struct signed_item *best = NULL, *failed = NULL, *unwanted = NULL;
	const struct signer *signer;
	struct err why = {0};
	int r;

	for (size_t k = 0; k < c->items; k++) {
		struct signed_item *i = c->item[k];

		if (i->kind != kind || !is_for(i, pck))
			continue;
		if (!is_chosen(c, i))
			unwanted = i;
		if (!is_chosen(c, i) || (best && !item_newer(c, i, best)))
			continue;
		r = check_item(c, i, a, at, &signer, &why);
		if (r == 0) {
			best = i;
			*ret = (struct found_item){i, signer};
		} else if (r != -EBADMSG || !failed || item_newer(c, i, failed)) {
			failed = i;
			*e = why;
		}
		if (r < 0 && r != -EBADMSG)
			return r;
	}
	if (best)
		return 0;
	if (!failed && unwanted)
		return refuse(
		        e, pck ? VERDICT_TCB_INFO_MISSING : VERDICT_QE_IDENTITY_MISSING,
		        "the collateral has evaluation %u of %s, and not %u, which was chosen",
		        item_evaluation(unwanted), pck ? "the TCB info" : "the QE identity",
		        c->evaluation);
	return failed ? -EBADMSG : none_found(c, pck, e);
}

int collateral_tcb_info(struct collateral *c, const struct anchor *a, const struct pck *pck,
                        time_t at, struct found_item *ret, struct err *e)
{
	return find_item(c, a, SIGNED_TCB_INFO, pck, at, ret, e);
}

int collateral_qe_identity(struct collateral *c, const struct anchor *a, time_t at,
                           struct found_item *ret, struct err *e)
{
	return find_item(c, a, SIGNED_QE_IDENTITY, NULL, at, ret, e);
}
