// SPDX-License-Identifier: Apache-2.0
#include "trust/verify.h"

#include <string.h>

#include "format/text.h"
#include "trust/authority.h"
#include "trust/certified.h"

/* The last QE report whose signature was right: a QE's quotes carry it again and again. */
struct qe_seen {
	bool known;
	uint8_t by[ECDSA_RAW_SIZE]; /* the PCK certificate's key */
	uint8_t signature[ECDSA_RAW_SIZE];
	uint8_t report[QUOTE_BODY_SGX_SIZE];
};

struct verifier {
	X509 *test_root; /* or NULL */
	struct collateral collateral;
	struct certified_cache certified;
	struct qe_seen qe;
};

/* MRSIGNER of Intel's TD quoting enclave, as in every QE identity that Intel has
 * published for it. */
static const uint8_t intel_td_qe[32] = {
        0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34,
        0xa7, 0xfc, 0x43, 0xed, 0x03, 0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba,
        0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5,
};
#define TD_QE_PRODUCT  2
#define SGX_ATTR_DEBUG 0x02 /* in the first byte of an enclave's attributes */

/* ---- the quote ---- */

/* What is verified at all; quote_parse() has seen to it that the parts are there. */
static int check_kind(const struct quote *q, struct err *e)
{
	char vendor[HEX_ENCODED_SIZE(16)];

	if (q->version != 4 && q->version != 5)
		return refuse(e, VERDICT_QUOTE_VERSION,
		              "quotes of version %u are not verified, but 4 and 5", q->version);
	if (q->tee_type != QUOTE_TEE_TDX || q->body_type == QUOTE_BODY_SGX)
		return refuse(e, VERDICT_NOT_TDX,
		              "not a quote of TDX: TEE type 0x%x, expected 0x%x", q->tee_type,
		              QUOTE_TEE_TDX);
	if (q->key_type != QUOTE_KEY_ECDSA_P256)
		return refuse(e, VERDICT_KEY_TYPE,
		              "attestation key type %u is not verified, but %u (ECDSA P-256)",
		              q->key_type, QUOTE_KEY_ECDSA_P256);
	if (memcmp(q->qe_vendor, QUOTE_QE_VENDOR_INTEL, sizeof(q->qe_vendor)) != 0) {
		hex_encode(q->qe_vendor, sizeof(q->qe_vendor), vendor);
		return refuse(e, VERDICT_QE_VENDOR, "the quoting enclave's vendor is not Intel: %s",
		              vendor);
	}
	if (q->outer_cert_type != QUOTE_CERT_QE_REPORT || q->cert_type > QUOTE_CERT_PCK_CHAIN)
		return refuse(e, VERDICT_CERTIFICATION,
		              "certification data of type %u says no PCK certificate",
		              q->cert_type);
	return 0;
}

/* A platform's owner can have other enclaves certified: only the known one speaks for TDs. */
static int check_qe(const struct sgx_report *qe, enum origin origin, struct err *e)
{
	char found[HEX_ENCODED_SIZE(32)], expected[HEX_ENCODED_SIZE(32)];
	uint8_t signer[32] = AUTHORITY_QE_MRSIGNER;

	if (origin == ORIGIN_HARDWARE)
		memcpy(signer, intel_td_qe, sizeof(signer));
	if (memcmp(qe->mrsigner, signer, sizeof(signer)) != 0 || qe->isvprodid != TD_QE_PRODUCT) {
		hex_encode(qe->mrsigner, sizeof(qe->mrsigner), found);
		hex_encode(signer, sizeof(signer), expected);
		return refuse(e, VERDICT_QE_NOT_FOR_TDS,
		              "the quoting enclave is not the one for TDs: signer %s product %u, "
		              "expected %s product %u",
		              found, qe->isvprodid, expected, TD_QE_PRODUCT);
	}
	if (qe->attributes[0] & SGX_ATTR_DEBUG)
		return refuse(e, VERDICT_QE_DEBUG, "the quoting enclave is a debug enclave");
	return 0;
}

/* REPORTDATA of the QE's report: SHA-256 of the attestation key and the auth data, then zeros. */
static int check_binding(const struct quote *q, struct err *e)
{
	uint8_t bound[ECDSA_RAW_SIZE + UINT16_MAX], expected[64] = {0};
	char found[HEX_ENCODED_SIZE(64)], wanted[HEX_ENCODED_SIZE(64)];

	if (q->qe_auth.size > UINT16_MAX)
		return refuse(e, VERDICT_QE_BINDING, "QE authentication data: %zu bytes",
		              q->qe_auth.size);
	memcpy(bound, q->attest_key, ECDSA_RAW_SIZE);
	if (q->qe_auth.size)
		memcpy(bound + ECDSA_RAW_SIZE, q->qe_auth.data, q->qe_auth.size);
	SHA256(bound, ECDSA_RAW_SIZE + q->qe_auth.size, expected);
	if (memcmp(q->qe_report.report_data, expected, sizeof(expected)) == 0)
		return 0;
	hex_encode(q->qe_report.report_data, sizeof(expected), found);
	hex_encode(expected, sizeof(expected), wanted);
	return refuse(e, VERDICT_QE_BINDING,
	              "the QE report does not bind the attestation key: REPORTDATA %s, expected %s",
	              found, wanted);
}

static bool qe_signed(struct qe_seen *seen, const struct quote *q, const struct certified *p)
{
	bool fits = q->qe_report_raw.size == sizeof(seen->report);

	if (fits && seen->known && memcmp(seen->by, p->point[0], sizeof(seen->by)) == 0 &&
	    memcmp(seen->signature, q->qe_signature, sizeof(seen->signature)) == 0 &&
	    memcmp(seen->report, q->qe_report_raw.data, sizeof(seen->report)) == 0)
		return true;
	if (!ecdsa_verify(p->key, q->qe_signature, q->qe_report_raw.data, q->qe_report_raw.size))
		return false;
	seen->known = fits;
	memcpy(seen->by, p->point[0], sizeof(seen->by));
	memcpy(seen->signature, q->qe_signature, sizeof(seen->signature));
	if (fits)
		memcpy(seen->report, q->qe_report_raw.data, sizeof(seen->report));
	return true;
}

/* Leaf -> QE report -> attestation key -> quote. */
static int check_signatures(struct verifier *v, const struct quote *q, const struct certified *p,
                            struct err *e)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *attest = NULL;
	char label[LABEL_SIZE], key[HEX_ENCODED_SIZE(ECDSA_RAW_SIZE)];
	int r;

	if (!qe_signed(&v->qe, q, p))
		return refuse(e, VERDICT_QE_REPORT_SIGNATURE,
		              "the QE report's signature is wrong: not by the PCK certificate %s",
		              label_cert(label, p->chain.cert[0]));
	if ((r = check_qe(&q->qe_report, p->origin, e)) < 0 || (r = check_binding(q, e)) < 0)
		return r;
	if ((r = ecdsa_from_point(q->attest_key, &attest, e)) < 0)
		return refuse_as(e, VERDICT_ATTESTATION_KEY, err_prefix(e, "attestation key"));
	if (ecdsa_verify(attest, q->signature, q->signed_part.data, q->signed_part.size))
		return 0;
	hex_encode(q->attest_key, ECDSA_RAW_SIZE, key);
	return refuse(e, VERDICT_QUOTE_SIGNATURE,
	              "the quote's signature is wrong: not by its attestation key %s", key);
}

/* ---- revocation ---- */

struct revocation {
	const struct crl *root, *pck; /* CRLs that hold; or NULL */
	int code;                     /* 0, or what is wrong: */
	struct err why;
};

static struct anchor anchor_of(const struct verifier *v, const struct certified *p)
{
	return (struct anchor){p->origin, p->chain.cert[2], p->point[2], v->test_root};
}

/* All are asked, from the leaf up: whoever is listed is refused, whatever the other CRL lacks. */
static int check_revocation(struct verifier *v, const struct certified *p, time_t at,
                            struct revocation *ret)
{
	static const enum verdict_code revoked[CHAIN_PCK] = {
	        VERDICT_PCK_REVOKED, VERDICT_PCK_CA_REVOKED, VERDICT_ROOT_REVOKED};
	const struct crl **const crl[CHAIN_PCK] = {&ret->pck, &ret->root, &ret->root};
	struct anchor a = anchor_of(v, p);

	for (size_t i = 0; i < CHAIN_PCK; i++) {
		size_t by = i + 1 < CHAIN_PCK ? i + 1 : i; /* the root's own */
		struct err why = {0};
		int r = collateral_revoked(&v->collateral, p->chain.cert[i], p->chain.cert[by],
		                           p->point[by], &a, at, revoked[i], crl[i], &why);
		bool final = r == -ENOMEM || (r < 0 && why.why == (int)revoked[i]);

		if (r < 0 && (final || !ret->code)) {
			ret->code = r;
			ret->why = why;
		}
		if (final)
			break;
	}
	return ret->code;
}

/* ---- all about the quote itself ---- */

static int check_authentic(struct verifier *v, const struct quote *q, time_t at,
                           struct certified **ret, struct revocation *ret_revocation, struct err *e)
{
	struct certified *p = NULL;
	int r;

	if ((r = check_kind(q, e)) < 0 ||
	    (r = certified_find(&v->certified, &v->collateral, v->test_root, q, at, &p, e)) < 0)
		return r;
	*ret = p;
	if (check_revocation(v, p, at, ret_revocation) < 0 &&
	    (ret_revocation->code == -ENOMEM ||
	     !verdict_code_authentic((enum verdict_code)ret_revocation->why.why))) {
		*e = ret_revocation->why;
		return ret_revocation->code;
	}
	if (!dates_hold(&p->dates, at) && (r = chain_check_dates(&p->chain, at, e)) < 0)
		return r;
	return check_signatures(v, q, p, e);
}

/* ---- collateral ---- */

static void note_expiry(struct verdict_collateral *c)
{
	const struct {
		const struct dates *dates;
		const char *name;
	} all[] = {
	        {&c->tcb_info, "tcb_info"},    {&c->qe_identity, "qe_identity"},
	        {&c->root_crl, "root_ca_crl"}, {&c->pck_crl, "pck_crl"},
	        {&c->signing, "tcb_signing"},  {&c->chain, "pck_chain"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (c->expires_what && all[i].dates->to >= c->expires)
			continue;
		c->expires = all[i].dates->to;
		c->expires_what = all[i].name;
	}
}

static void note_collateral(const struct revocation *crls, const struct found_item *info,
                            const struct found_item *id, const struct certified *p,
                            struct verdict_collateral *ret)
{
	ret->tcb_info = (struct dates){info->item->tcb.issued, info->item->tcb.next};
	ret->tcb_info_evaluation = info->item->tcb.evaluation;
	ret->qe_identity = (struct dates){id->item->qe.issued, id->item->qe.next};
	ret->qe_identity_evaluation = id->item->qe.evaluation;
	ret->root_crl = crls->root->dates;
	memcpy(ret->root_crl_number, crls->root->number, sizeof(ret->root_crl_number));
	ret->pck_crl = crls->pck->dates;
	memcpy(ret->pck_crl_number, crls->pck->number, sizeof(ret->pck_crl_number));
	ret->signing = dates_both(info->signer->dates, id->signer->dates);
	ret->chain = p->dates;
	note_expiry(ret);
}

/* Worst first: what makes the quote unauthentic, a signer that is listed, what else the CRLs lack. */
static int rank(const struct err *e)
{
	if (!verdict_code_authentic((enum verdict_code)e->why))
		return 3;
	return e->why == VERDICT_TCB_SIGNING_REVOKED ? 2 : 1;
}

/* Everything is looked at before anything is said: see rank(). */
static int find_collateral(struct verifier *v, const struct quote *q, const struct certified *p,
                           time_t at, const struct revocation *crls, struct found_item *info,
                           struct found_item *id, struct err *e)
{
	struct anchor a = anchor_of(v, p);
	struct err why[2] = {{0}};
	int r[2] = {collateral_qe_identity(&v->collateral, &a, at, id, &why[0]),
	            collateral_tcb_info(&v->collateral, &a, &p->pck, at, info, &why[1])};
	int worst = crls->code;

	if (r[0] == 0)
		r[0] = qe_identity_match(&id->item->qe, &q->qe_report, &why[0]);
	*e = crls->why;
	for (size_t i = 0; i < 2 && worst != -ENOMEM; i++) {
		if (r[i] == -ENOMEM || (r[i] < 0 && (!worst || rank(&why[i]) > rank(e)))) {
			worst = r[i];
			*e = why[i];
		}
	}
	return worst;
}

static int evaluate(struct verifier *v, const struct quote *q, const struct certified *p, time_t at,
                    const struct revocation *crls, struct verdict *ret, struct err *e)
{
	struct found_item info, id;
	int r;

	if (!v->collateral.given)
		return refuse(e, VERDICT_NO_COLLATERAL, "no collateral");
	if ((r = find_collateral(v, q, p, at, crls, &info, &id, e)) < 0)
		return r;
	tcb_evaluate(&info.item->tcb, &id.item->qe, &p->pck, q, ret);
	tcb_explain(&info.item->tcb, &id.item->qe, &p->pck, q, ret);
	note_collateral(crls, &info, &id, p, &ret->collateral);
	return 0;
}

/* ---- interface ---- */

int verifier_new(const struct trust_anchors *anchors, struct verifier **ret, struct err *e)
{
	struct verifier *v = calloc(1, sizeof(*v));
	int r = v ? 0 : err_nomem(e);

	if (r == 0 && anchors && anchors->test_root_pem)
		r = chain_read_root(anchors->test_root_pem, &v->test_root, e);
	if (r < 0) {
		free(v);
		return r;
	}
	*ret = v;
	return 0;
}

void verifier_free(struct verifier *v)
{
	if (!v)
		return;
	certified_done(&v->certified);
	collateral_done(&v->collateral);
	X509_free(v->test_root);
	free(v);
}

void verifier_freep(struct verifier **v)
{
	verifier_free(*v);
}

void verifier_choose(struct verifier *v, enum verifier_set set, uint32_t number)
{
	v->collateral.set = set;
	v->collateral.evaluation = number;
}

int verifier_add(struct verifier *v, const void *data, size_t size, struct err *e)
{
	return collateral_add(&v->collateral, data, size, e);
}

int verifier_contents(const struct verifier *v, content_fn f, void *context, struct err *e)
{
	return collateral_contents(&v->collateral, f, context, e);
}

void verdict_init(struct verdict *v)
{
	struct tcb_result *const both[] = {&v->launch, &v->current};

	memset(v, 0, sizeof(*v));
	v->origin = ORIGIN_UNKNOWN;
	v->status = TCB_NOT_EVALUATED;
	for (size_t i = 0; i < 2; i++)
		both[i]->status = both[i]->platform = both[i]->module = both[i]->qe =
		        TCB_NOT_EVALUATED;
}

int verifier_check(struct verifier *v, const struct quote *quote, time_t at, struct verdict *ret,
                   struct err *e)
{
	struct revocation crls = {0};
	struct err why = {0};
	struct certified *p = NULL;
	int r;

	verdict_init(ret);
	ret->at = at;
	r = check_authentic(v, quote, at, &p, &crls, &why);
	if (p) {
		ret->has_pck = true;
		ret->pck = p->pck;
	}
	if (r == 0)
		r = evaluate(v, quote, p, at, &crls, ret, &why);
	if (r == 0 || verdict_code_authentic((enum verdict_code)why.why)) {
		ret->authentic = true;
		ret->origin = p->origin;
	}
	if (r == 0)
		return 0;
	ret->code = (enum verdict_code)why.why;
	snprintf(ret->reason, sizeof(ret->reason), "%.*s", (int)sizeof(ret->reason) - 1, why.text);
	return r == -ENOMEM ? err_set(e, r, "%s", why.text) : 0;
}

int trust_check_quote(const struct quote *quote, const struct trust_anchors *anchors, time_t at,
                      struct trust_verdict *ret, struct err *e)
{
	_cleanup_(verifier_freep) struct verifier *v = NULL;
	struct verdict d;
	struct err why = {0};
	int r = verifier_new(anchors, &v, &why);

	verdict_init(&d);
	if (r == -EBADMSG) {
		d.code = VERDICT_TEST_ROOT;
		snprintf(d.reason, sizeof(d.reason), "%.*s", (int)sizeof(d.reason) - 1, why.text);
	} else if (r < 0 || (r = verifier_check(v, quote, at, &d, &why)) < 0) {
		return err_set(e, r, "%s", why.text);
	}
	*ret = (struct trust_verdict){.authentic = d.authentic, .origin = d.origin};
	if (!d.authentic)
		snprintf(ret->reason, sizeof(ret->reason), "%.*s", (int)sizeof(ret->reason) - 1,
		         d.reason);
	return 0;
}
