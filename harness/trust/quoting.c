// SPDX-License-Identifier: Apache-2.0
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#include "format/tdx.h"
#include "trust/authority.h"

#define QE_AND_CERT_SIZE (QUOTE_BODY_SGX_SIZE + ECDSA_RAW_SIZE + 2 + AUTHORITY_QE_AUTH_SIZE + 2 + 4)

/* Offsets in an SGX enclave report (format/quote.h reads it; only here is one written). */
enum {
	QE_CPUSVN = 0,
	QE_ATTRIBUTES = 48,
	QE_MRENCLAVE = 64,
	QE_MRSIGNER = 128,
	QE_PRODUCT = 256,
	QE_SVN = 258,
	QE_REPORT_DATA = 320,
};

static uint8_t *put(uint8_t *out, const void *data, size_t size)
{
	memcpy(out, data, size);
	return out + size;
}

static uint8_t *put_u16(uint8_t *out, uint16_t v)
{
	return put(out, (uint8_t[]){v & 0xff, v >> 8}, 2);
}

static uint8_t *put_u32(uint8_t *out, uint32_t v)
{
	return put_u16(put_u16(out, v & 0xffff), v >> 16);
}

int authority_make_qe(struct authority *a, struct err *e)
{
	static const uint8_t attributes[] = {0x11, 0, 0, 0, 0, 0, 0, 0, 0xe7}; /* as Intel's QE */
	uint8_t *report = a->qe_report, bound[ECDSA_RAW_SIZE + AUTHORITY_QE_AUTH_SIZE];
	uint8_t digest[SHA256_DIGEST_LENGTH];
	int r;

	if ((r = ecdsa_generate(&a->attest_key, e)) < 0 ||
	    (r = ecdsa_to_point(a->attest_key, a->attest_point, e)) < 0)
		return r;
	for (uint8_t i = 0; i < AUTHORITY_QE_AUTH_SIZE; i++)
		a->qe_auth[i] = i; /* what Intel's QE puts here */
	SHA256((const uint8_t *)a->root_pem, strlen(a->root_pem), digest);
	memcpy(a->user_data, digest, 16);

	put(report + QE_CPUSVN, authority_platform.cpusvn, sizeof(authority_platform.cpusvn));
	put(report + QE_ATTRIBUTES, attributes, sizeof(attributes));
	put(report + QE_MRENCLAVE, AUTHORITY_QE_MRENCLAVE, strlen(AUTHORITY_QE_MRENCLAVE));
	put(report + QE_MRSIGNER, AUTHORITY_QE_MRSIGNER, strlen(AUTHORITY_QE_MRSIGNER));
	put_u16(report + QE_PRODUCT, AUTHORITY_QE_PRODUCT);
	put_u16(report + QE_SVN, AUTHORITY_QE_SVN);
	put(put(bound, a->attest_point, ECDSA_RAW_SIZE), a->qe_auth, AUTHORITY_QE_AUTH_SIZE);
	SHA256(bound, sizeof(bound), report + QE_REPORT_DATA);
	return ecdsa_sign(a->id[ROLE_PCK].key, report, QUOTE_BODY_SGX_SIZE, a->qe_signature, e);
}

/* Nothing that could be taken for hardware is ever signed: the module labels its reports. */
static bool says_emulated(const struct tdreport *report)
{
	return memcmp(report->tcb.mrseam, TDX_EMULATED_MRSEAM, strlen(TDX_EMULATED_MRSEAM)) == 0 &&
	       memcmp(report->tcb.mrsignerseam, TDX_EMULATED_MRSIGNERSEAM,
	              strlen(TDX_EMULATED_MRSIGNERSEAM)) == 0;
}

/* Signature data of a quote: Intel's layout with every part present. */
static void put_signature(const struct authority *a, const uint8_t signature[ECDSA_RAW_SIZE],
                          uint8_t *out)
{
	uint32_t pem_size = (uint32_t)strlen(a->pck_pem) + 1; /* Intel's ends in NUL, too */

	out = put_u32(out, 2 * ECDSA_RAW_SIZE + 2 + 4 + QE_AND_CERT_SIZE + pem_size);
	out = put(out, signature, ECDSA_RAW_SIZE);
	out = put(out, a->attest_point, ECDSA_RAW_SIZE);
	out = put_u16(out, QUOTE_CERT_QE_REPORT);
	out = put_u32(out, QE_AND_CERT_SIZE + pem_size);
	out = put(out, a->qe_report, QUOTE_BODY_SGX_SIZE);
	out = put(out, a->qe_signature, ECDSA_RAW_SIZE);
	out = put_u16(out, AUTHORITY_QE_AUTH_SIZE);
	out = put(out, a->qe_auth, AUTHORITY_QE_AUTH_SIZE);
	out = put_u16(out, QUOTE_CERT_PCK_CHAIN);
	out = put_u32(out, pem_size);
	put(out, a->pck_pem, pem_size);
}

int authority_quote(struct authority *a, const struct tdreport *report, uint16_t version,
                    uint8_t **ret, size_t *ret_size, struct err *e)
{
	uint8_t body[QUOTE_HEADER_SIZE + 6 + QUOTE_BODY_TDX_15_SIZE], signature[ECDSA_RAW_SIZE];
	size_t used = quote_body_from_report(report, version, a->user_data, body, sizeof(body));
	size_t size =
	        used + 4 + 2 * ECDSA_RAW_SIZE + 2 + 4 + QE_AND_CERT_SIZE + strlen(a->pck_pem) + 1;
	uint8_t *quote;
	int r;

	if (!used)
		return err_set(e, -EINVAL, "no quotes of version %u", version);
	if (!says_emulated(report))
		return err_set(e, -EINVAL, "the report does not say that it is emulated");
	if ((r = ecdsa_sign(a->attest_key, body, used, signature, e)) < 0)
		return r;
	if (!(quote = malloc(size)))
		return err_nomem(e);
	put_signature(a, signature, put(quote, body, used));
	*ret = quote;
	*ret_size = size;
	return 0;
}
