// SPDX-License-Identifier: Apache-2.0
#include <openssl/sha.h>
#include <string.h>

#include "trust/chain.h"
#include "trust/ecdsa.h"
#include "trust/sgxext.h"

const char *const origin_names[4] = {
        [ORIGIN_NONE] = "none",
        [ORIGIN_UNKNOWN] = "unknown",
        [ORIGIN_EMULATED] = "emulated",
        [ORIGIN_HARDWARE] = "hardware",
};

/* What this room can verify at all; quote_parse() has seen to it that the parts are there. */
static int check_kind(const struct quote *q, struct err *e)
{
	if (q->version != 4 && q->version != 5)
		return err_set(e, -EBADMSG, "quotes of version %u are not verified", q->version);
	if (q->key_type != QUOTE_KEY_ECDSA_P256)
		return err_set(e, -EBADMSG, "attestation key type %u is not verified", q->key_type);
	if (memcmp(q->qe_vendor, QUOTE_QE_VENDOR_INTEL, sizeof(q->qe_vendor)) != 0)
		return err_set(e, -EBADMSG, "the quoting enclave's vendor is not Intel");
	if (q->outer_cert_type != QUOTE_CERT_QE_REPORT || q->cert_type != QUOTE_CERT_PCK_CHAIN)
		return err_set(e, -EBADMSG, "certification data of type %u without a PCK chain",
		               q->cert_type);
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
static int check_signatures(const struct quote *q, X509 *leaf, struct err *e)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *attest = NULL;
	EVP_PKEY *pck = X509_get0_pubkey(leaf);
	uint8_t point[ECDSA_RAW_SIZE];
	int r;

	if (!pck || (r = ecdsa_to_point(pck, point, e)) < 0)
		return err_set(e, -EBADMSG, "the PCK certificate's key is not on P-256");
	if (!ecdsa_verify(pck, q->qe_signature, q->qe_report_raw.data, q->qe_report_raw.size))
		return err_set(e, -EBADMSG, "the QE report's signature is wrong");
	if ((r = check_binding(q, e)) < 0)
		return r;
	if ((r = ecdsa_from_point(q->attest_key, &attest, e)) < 0)
		return err_prefix(e, "attestation key");
	if (!ecdsa_verify(attest, q->signature, q->signed_part.data, q->signed_part.size))
		return err_set(e, -EBADMSG, "the quote's signature is wrong");
	return 0;
}

static int check(const struct quote *q, const struct trust_anchors *anchors, time_t at,
                 enum origin *ret, struct err *e)
{
	_cleanup_(chain_done) struct chain chain = {0};
	_cleanup_(X509_freep) X509 *test_root = NULL;
	enum origin origin;
	struct pck pck;
	int r;

	if ((r = check_kind(q, e)) < 0 ||
	    (anchors && anchors->test_root_pem &&
	     (r = chain_read_root(anchors->test_root_pem, &test_root, e)) < 0) ||
	    (r = chain_read(q->cert_data.data, q->cert_data.size, CHAIN_PCK, &chain, e)) < 0 ||
	    (r = chain_verify(&chain, test_root, at, &origin, e)) < 0 ||
	    (r = sgxext_read(chain.cert[0], &pck, e)) < 0 ||
	    (r = check_signatures(q, chain.cert[0], e)) < 0)
		return r;
	*ret = origin;
	return 0;
}

int trust_check_quote(const struct quote *quote, const struct trust_anchors *anchors, time_t at,
                      struct trust_verdict *ret, struct err *e)
{
	struct trust_verdict v = {.origin = ORIGIN_UNKNOWN};
	struct err why = {0};
	int r = check(quote, anchors, at, &v.origin, &why);

	v.authentic = r == 0;
	snprintf(v.reason, sizeof(v.reason), "%.*s", (int)sizeof(v.reason) - 1, why.text);
	*ret = v;
	return r == -ENOMEM ? err_set(e, r, "%s", why.text) : 0;
}
