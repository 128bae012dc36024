// SPDX-License-Identifier: Apache-2.0
#include "trust/contents.h"

#include <stdlib.h>
#include <string.h>

#include "trust/collateral.h"

const char *const content_kind_names[CONTENT_KINDS] = {
        [CONTENT_TCB_INFO] = "tcb_info",
        [CONTENT_QE_IDENTITY] = "qe_identity",
        [CONTENT_CRL] = "crl",
        [CONTENT_CERTIFICATE] = "certificate",
};

static void read_cert(const X509 *cert, struct content_cert *ret)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	_cleanup_(BN_freep) BIGNUM *n = serial ? ASN1_INTEGER_to_BN(serial, NULL) : NULL;
	_cleanup_(OPENSSL_freep) char *hex = n ? BN_bn2hex(n) : NULL;

	label_name(ret->name, X509_get_subject_name(cert));
	snprintf(ret->serial, sizeof(ret->serial), "%.42s", hex ?: "?");
	if (dates_read(X509_get0_notBefore(cert), X509_get0_notAfter(cert), &ret->dates) < 0)
		ret->dates = (struct dates){0};
	ERR_clear_error();
}

static void read_signer(const struct chain *chain, struct content *c)
{
	c->has_signer = chain->count > 0;
	if (c->has_signer)
		read_cert(chain->cert[0], &c->signer);
}

/* ---- signed JSON ---- */

static int tell_items(const struct collateral *all, enum signed_kind kind, content_fn f,
                      void *context, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < all->items; i++) {
		const struct signed_item *item = all->item[i];
		struct content c = {.kind = kind == SIGNED_TCB_INFO ? CONTENT_TCB_INFO
		                                                    : CONTENT_QE_IDENTITY,
		                    .tdx = true};

		if (item->kind != kind)
			continue;
		if (kind == SIGNED_TCB_INFO) {
			c.id = "TDX";
			c.has_fmspc = true;
			memcpy(c.fmspc, item->tcb.fmspc, sizeof(c.fmspc));
			c.evaluation = item->tcb.evaluation;
			c.dates = (struct dates){item->tcb.issued, item->tcb.next};
		} else {
			c.id = "TD_QE";
			c.evaluation = item->qe.evaluation;
			c.dates = (struct dates){item->qe.issued, item->qe.next};
		}
		read_signer(&item->chain, &c);
		r = f(context, &c, e);
	}
	return r;
}

/* What is not for TDX is kept as JSON only: what it lacks is left zero. */
static int tell_others(const struct collateral *all, enum signed_kind kind, content_fn f,
                       void *context, struct err *e)
{
	static const char *const ids[] = {"SGX", "QE", "QVE", "TDX", "TD_QE"};
	int r = 0;

	for (size_t i = 0; r == 0 && i < all->others; i++) {
		const json_t *o = all->other[i].json;
		const char *id = member_text(o, "id");
		struct content c = {.id = kind == SIGNED_TCB_INFO ? "SGX" : "?"};
		struct jsonx issued = {0}, next = {0}, fmspc = {0}, evaluation = {0};

		if (all->other[i].kind != kind)
			continue;
		c.kind = kind == SIGNED_TCB_INFO ? CONTENT_TCB_INFO : CONTENT_QE_IDENTITY;
		for (size_t k = 0; id && k < COUNT_OF(ids); k++) {
			if (strcmp(id, ids[k]) == 0)
				c.id = ids[k];
		}
		c.tdx = c.id[0] == 'T';
		c.dates.from = jsonx_date(&issued, o, "issueDate", NULL);
		c.dates.to = jsonx_date(&next, o, "nextUpdate", NULL);
		c.evaluation =
		        (uint32_t)jsonx_uint(&evaluation, o, "tcbEvaluationDataNumber", UINT32_MAX);
		jsonx_hex(&fmspc, o, "fmspc", c.fmspc, sizeof(c.fmspc));
		c.has_fmspc = !fmspc.failed;
		r = f(context, &c, e);
	}
	return r;
}

/* ---- CRLs and certificates ---- */

static int tell_crls(const struct collateral *all, content_fn f, void *context, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < all->crls; i++) {
		const struct crl *k = all->crl[i];
		struct content c = {.kind = CONTENT_CRL, .dates = k->dates};

		label_name(c.name, X509_CRL_get_issuer(k->crl));
		memcpy(c.number, k->number, sizeof(c.number));
		read_signer(&k->issuer, &c);
		r = f(context, &c, e);
	}
	return r;
}

struct seen {
	const X509 *cert[(2 * CHAIN_MAX + 1) * COLLATERAL_MAX];
	size_t count;
};

static void see(struct seen *s, const X509 *cert)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->cert[i] == cert || cert_equal(s->cert[i], cert))
			return;
	}
	s->cert[s->count++] = cert;
}

static void see_chain(struct seen *s, const struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		see(s, chain->cert[i]);
}

static int tell_certs(const struct collateral *all, content_fn f, void *context, struct err *e)
{
	struct seen *s = calloc(1, sizeof(*s));
	int r = 0;

	if (!s)
		return err_nomem(e);
	for (size_t i = 0; i < all->items; i++)
		see_chain(s, &all->item[i]->chain);
	for (size_t i = 0; i < all->crls; i++)
		see_chain(s, &all->crl[i]->issuer);
	for (size_t i = 0; i < all->pooled; i++)
		see(s, all->pool[i]);
	for (size_t i = 0; r == 0 && i < s->count; i++) {
		struct content c = {.kind = CONTENT_CERTIFICATE, .has_signer = false};

		read_cert(s->cert[i], &c.signer);
		c.dates = c.signer.dates;
		r = f(context, &c, e);
	}
	free(s);
	return r;
}

int collateral_contents(const struct collateral *all, content_fn f, void *context, struct err *e)
{
	int r;

	if ((r = tell_items(all, SIGNED_TCB_INFO, f, context, e)) < 0 ||
	    (r = tell_others(all, SIGNED_TCB_INFO, f, context, e)) < 0 ||
	    (r = tell_items(all, SIGNED_QE_IDENTITY, f, context, e)) < 0 ||
	    (r = tell_others(all, SIGNED_QE_IDENTITY, f, context, e)) < 0 ||
	    (r = tell_crls(all, f, context, e)) < 0)
		return r;
	return tell_certs(all, f, context, e);
}
