// SPDX-License-Identifier: Apache-2.0
#include "trust/verify.h"

#include <string.h>

#include "trust/authority.h"
#include "trust/certified.h"

struct verifier {
	X509 *test_root; /* or NULL */
	struct collateral collateral;
	struct certified_cache certified;
};

const char *const origin_names[4] = {
        [ORIGIN_NONE] = "none",
        [ORIGIN_UNKNOWN] = "unknown",
        [ORIGIN_EMULATED] = "emulated",
        [ORIGIN_HARDWARE] = "hardware",
};

/* MRSIGNER of Intel's TD quoting enclave, as in every QE identity that Intel has published for it.
 */
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
	if (q->version != 4 && q->version != 5)
		return err_set(e, -EBADMSG, "quotes of version %u are not verified", q->version);
	if (q->tee_type != QUOTE_TEE_TDX || q->body_type == QUOTE_BODY_SGX)
		return err_set(e, -EBADMSG, "not a quote of TDX");
	if (q->key_type != QUOTE_KEY_ECDSA_P256)
		return err_set(e, -EBADMSG, "attestation key type %u is not verified", q->key_type);
	if (memcmp(q->qe_vendor, QUOTE_QE_VENDOR_INTEL, sizeof(q->qe_vendor)) != 0)
		return err_set(e, -EBADMSG, "the quoting enclave's vendor is not Intel");
	if (q->outer_cert_type != QUOTE_CERT_QE_REPORT || q->cert_type > QUOTE_CERT_PCK_CHAIN)
		return err_set(e, -EBADMSG, "certification data of type %u says no PCK certificate",
		               q->cert_type);
	return 0;
}

/* A platform's owner can have other enclaves certified: only the known one speaks for TDs. */
static int check_qe(const struct sgx_report *qe, enum origin origin, struct err *e)
{
	uint8_t signer[32] = AUTHORITY_QE_MRSIGNER;

	if (origin == ORIGIN_HARDWARE)
		memcpy(signer, intel_td_qe, sizeof(signer));
	if (memcmp(qe->mrsigner, signer, sizeof(signer)) != 0 || qe->isvprodid != TD_QE_PRODUCT)
		return err_set(e, -EBADMSG, "the quoting enclave is not the one for TDs");
	if (qe->attributes[0] & SGX_ATTR_DEBUG)
		return err_set(e, -EBADMSG, "the quoting enclave is a debug enclave");
	return 0;
}

/* REPORTDATA of the QE's report: SHA-256 of the attestation key and the auth data, then zeros. */
static int check_binding(const struct quote *q, struct err *e)
{
	uint8_t bound[ECDSA_RAW_SIZE + UINT16_MAX], expected[64] = {0};

	if (q->qe_auth.size > UINT16_MAX)
		return err_set(e, -EBADMSG, "QE authentication data: %zu bytes", q->qe_auth.size);
	memcpy(bound, q->attest_key, ECDSA_RAW_SIZE);
	if (q->qe_auth.size)
		memcpy(bound + ECDSA_RAW_SIZE, q->qe_auth.data, q->qe_auth.size);
	SHA256(bound, ECDSA_RAW_SIZE + q->qe_auth.size, expected);
	if (memcmp(q->qe_report.report_data, expected, sizeof(expected)) != 0)
		return err_set(e, -EBADMSG, "the QE report does not bind the attestation key");
	return 0;
}

/* Leaf -> QE report -> attestation key -> quote. */
static int check_signatures(const struct quote *q, const struct certified *p, struct err *e)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *attest = NULL;
	EVP_PKEY *pck = X509_get0_pubkey(p->chain.cert[0]);
	int r;

	if (!ecdsa_verify(pck, q->qe_signature, q->qe_report_raw.data, q->qe_report_raw.size))
		return err_set(e, -EBADMSG, "the QE report's signature is wrong");
	if ((r = check_qe(&q->qe_report, p->origin, e)) < 0 || (r = check_binding(q, e)) < 0)
		return r;
	if ((r = ecdsa_from_point(q->attest_key, &attest, e)) < 0)
		return err_prefix(e, "attestation key");
	if (!ecdsa_verify(attest, q->signature, q->signed_part.data, q->signed_part.size))
		return err_set(e, -EBADMSG, "the quote's signature is wrong");
	return 0;
}

static int check_authentic(struct verifier *v, const struct quote *q, time_t at,
                           struct certified **ret, struct err *e)
{
	struct certified *p = NULL;
	int r;

	if ((r = check_kind(q, e)) < 0 ||
	    (r = certified_find(&v->certified, &v->collateral, v->test_root, q, &p, e)) < 0 ||
	    (r = validity_check(&p->validity, at, "certificate chain: a certificate", e)) < 0 ||
	    (r = check_signatures(q, p, e)) < 0)
		return r;
	*ret = p;
	return 0;
}

/* ---- collateral ---- */

static int check_revocation(struct verifier *v, const struct certified *p, const struct anchor *a,
                            time_t at, struct err *e)
{
	X509 *const *cert = p->chain.cert;
	int r = collateral_revoked(&v->collateral, cert[1], cert[2], p->point[2], a, at, e);

	if (r < 0)
		return r;
	return collateral_revoked(&v->collateral, cert[0], cert[1], p->point[1], a, at, e);
}

static int evaluate(struct verifier *v, const struct quote *q, const struct certified *p, time_t at,
                    struct verdict *ret, struct err *e)
{
	struct anchor a = {p->origin, p->chain.cert[2], p->point[2], v->test_root};
	struct signed_item *info, *identity;
	int r;

	if (!v->collateral.items && !v->collateral.crls)
		return err_set(e, -ENOENT, "no collateral");
	if ((r = check_revocation(v, p, &a, at, e)) < 0 ||
	    (r = collateral_qe_identity(&v->collateral, &a, at, &identity, e)) < 0)
		return r;
	if (qe_identity_match(&identity->qe, &q->qe_report, e) < 0)
		return -EKEYREJECTED; /* another enclave than Intel says: its word is nobody's */
	if ((r = collateral_tcb_info(&v->collateral, &a, &p->pck, at, &info, e)) < 0)
		return r;
	tcb_evaluate(&info->tcb, &identity->qe, &p->pck, q, ret);
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

int verifier_add(struct verifier *v, const void *data, size_t size, struct err *e)
{
	return collateral_add(&v->collateral, data, size, e);
}

int verifier_check(struct verifier *v, const struct quote *quote, time_t at, struct verdict *ret,
                   struct err *e)
{
	struct verdict d = {.origin = ORIGIN_UNKNOWN,
	                    .status = TCB_NOT_EVALUATED,
	                    .platform = TCB_NOT_EVALUATED,
	                    .module = TCB_NOT_EVALUATED,
	                    .qe = TCB_NOT_EVALUATED};
	struct err why = {0};
	struct certified *p = NULL;
	int r = check_authentic(v, quote, at, &p, &why);

	if (r == 0) {
		memcpy(d.fmspc, p->pck.fmspc, sizeof(d.fmspc));
		d.authentic = true;
		d.origin = p->origin;
		r = evaluate(v, quote, p, at, &d, &why);
	}
	if (r == -EKEYREVOKED || r == -EKEYREJECTED) {
		d.authentic = false;
		d.origin = ORIGIN_UNKNOWN;
	}
	if (r < 0)
		snprintf(d.reason, sizeof(d.reason), "%.*s", (int)sizeof(d.reason) - 1, why.text);
	*ret = d;
	return r == -ENOMEM ? err_set(e, r, "%s", why.text) : 0;
}

int trust_check_quote(const struct quote *quote, const struct trust_anchors *anchors, time_t at,
                      struct trust_verdict *ret, struct err *e)
{
	_cleanup_(verifier_freep) struct verifier *v = NULL;
	struct verdict d = {.origin = ORIGIN_UNKNOWN};
	struct err why = {0};
	int r = verifier_new(anchors, &v, &why);

	if (r == -EBADMSG)
		snprintf(d.reason, sizeof(d.reason), "%.*s", (int)sizeof(d.reason) - 1, why.text);
	else if (r < 0 || (r = verifier_check(v, quote, at, &d, &why)) < 0)
		return err_set(e, r, "%s", why.text);
	*ret = (struct trust_verdict){.authentic = d.authentic, .origin = d.origin};
	if (!d.authentic)
		memcpy(ret->reason, d.reason, sizeof(ret->reason));
	return 0;
}
