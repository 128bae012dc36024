/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "format/hcl.h"
#include "format/identity.h"
#include "format/sha2.h"
#include "format/tdreport.h"
#include "format/tpm.h"
#include "trust/cloud.h"
#include "trust/form.h"
#include "trust/rsa.h"

/* What one row leaves for those after it. */
struct azure {
	const struct azure_evidence *in;
	struct cloud_verdict *v;
	struct hcl_report hcl;
	struct tdreport report;
	struct quote quote;
	bool has_report, has_quote, bound; /* bound: the JSON is what the report has the hash of */
	bool covered; /* and the report is what a genuine TD quote was made of */
	EVP_PKEY *ak;
	struct tpm_quote tpm;
	bool has_tpm;
};

/* ---- the hardware report and what it covers ---- */

static bool hcl_row(struct azure *a)
{
	uint64_t at = 0;
	enum format_code code;

	if (!a->in->hcl.data) {
		cloud_row(a->v, "hcl report", -1, "none was given (NV index 0x01400001)");
		return false;
	}
	code = hcl_parse(a->in->hcl.data, a->in->hcl.size, &a->hcl, &at);
	if (code != FORMAT_OK) {
		cloud_row(a->v, "hcl report", 0, "malformed: %s at byte %" PRIu64,
		          format_code_name(code), at);
		return false;
	}
	if (a->hcl.type != HCL_TDX) {
		cloud_row(a->v, "hcl report", 0, "it is of %s, not of TDX",
		          a->hcl.type == HCL_SNP ? "an SEV-SNP guest" : "a VBS guest");
		return false;
	}
	code = tdreport_parse(a->hcl.report, 1024, &a->report, &at);
	if (code != FORMAT_OK) {
		cloud_row(a->v, "hcl report", 0, "its TDREPORT: %s at byte %" PRIu64,
		          format_code_name(code), at);
		return false;
	}
	a->has_report = true;
	cloud_row(a->v, "hcl report", 1, "version %u, with a TDREPORT", a->hcl.version);
	return true;
}

static void runtime_row(struct azure *a)
{
	static const uint8_t zero[32];
	const uint8_t *data = a->report.mac.report_data;
	uint8_t digest[SHA256_SIZE];

	sha256(a->hcl.json, a->hcl.json_size, digest);
	a->bound = memcmp(data, digest, 32) == 0 && memcmp(data + 32, zero, 32) == 0;
	cloud_row(a->v, "runtime data", a->bound,
	          a->bound ? "REPORTDATA is the SHA-256 of the JSON with the vTPM's keys"
	                   : "REPORTDATA is not the SHA-256 of the JSON beside it");
}

/* Every register and both sides' REPORTDATA: the quote was made of that report. */
static void same_td_row(struct azure *a)
{
	const struct identity quote = identity_of_quote(&a->quote);
	const struct identity report = identity_of_report(&a->report);
	const char *other = memcmp(a->quote.td.report_data, a->report.mac.report_data, 64) != 0
	                            ? "REPORTDATA"
	                            : identity_differs(&quote, &report, TDX_RTMR_COUNT);
	const bool same = !other;

	a->covered = a->bound && same && a->v->quote.authentic;
	cloud_row(a->v, "same td", same, "%s%s",
	          same ? "the quote is of the HCL report's TDREPORT"
	               : "the quote is of another TDREPORT than the HCL report's: not the same ",
	          same ? "" : other);
}

/* Zeros are no measurement that something could agree with. */
static void registers_row(struct azure *a)
{
	const struct quote_td *quoted = &a->quote.td;
	const uint8_t *rtmr = a->has_quote ? quoted->rtmr[0] : a->report.td.rtmr[0];

	if (cloud_all_zero(rtmr, sizeof(quoted->rtmr)))
		cloud_row(a->v, "registers", -1,
		          "RTMR0 to RTMR3 are all zero: nothing was measured into them, so they say "
		          "nothing of firmware, loader, kernel or workload");
	else
		cloud_row(a->v, "registers", -1,
		          "RTMRs are in use, which no log here tells the meaning of");
}

/* ---- the vTPM ---- */

/* The key of RFC 7517 that the runtime data call HCLAkPub. */
static EVP_PKEY *find_ak(struct bytes text)
{
	json_auto_t *root = json_loadb((const char *)text.data, text.size, 0, NULL);
	const json_t *keys = json_object_get(root, "keys");

	for (size_t i = 0; i < json_array_size(keys); i++) {
		const json_t *key = json_array_get(keys, i);
		const char *kid = member_text(key, "kid"), *n = member_text(key, "n");
		const char *e = member_text(key, "e"), *kty = member_text(key, "kty");
		_cleanup_(form_done) struct form_bytes modulus = {0}, exponent = {0};

		if (!kid || strcmp(kid, "HCLAkPub") != 0)
			continue;
		if (!n || !e || !kty || strcmp(kty, "RSA") != 0 ||
		    form_text(n, strlen(n), &modulus) < 0 || form_text(e, strlen(e), &exponent) < 0)
			return NULL;
		return rsa_key((struct bytes){modulus.data, modulus.size},
		               (struct bytes){exponent.data, exponent.size});
	}
	return NULL;
}

static void ak_row(struct azure *a)
{
	const struct bytes json = {a->hcl.json, a->hcl.json_size};

	a->ak = find_ak(json);
	if (!a->ak)
		cloud_row(a->v, "ak", 0, "the runtime data have no RSA key HCLAkPub");
	else
		cloud_row(a->v, "ak", !a->bound ? 0 : a->covered ? 1 : -1,
		          "the vTPM's attestation key is in %s",
		          !a->bound    ? "runtime data that nothing covers"
		          : a->covered ? "the runtime data that the TD's REPORTDATA covers"
		                       : "runtime data that a TDREPORT covers, and no TD quote that holds");
}

static void ak_chain_row(struct azure *a, time_t at)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	char why[160];
	bool chained;

	if (!a->in->ak_cert.data || !a->in->ak_root.data) {
		cloud_row(a->v, "ak chain", -1, "%s",
		          a->in->ak_cert.data ? "no --root for the AK's certificate"
		                              : "no certificate of the AK was given: that it is a vTPM of "
		                                "Azure's rests on the TD quote alone");
		return;
	}
	chained = rsa_chain(a->in->ak_cert, a->in->ak_more, a->in->ak_root, at, &key, why,
	                    sizeof(why));
	if (!key || !a->ak || EVP_PKEY_eq(key, a->ak) != 1)
		cloud_row(a->v, "ak chain", 0, "the certificate is of another key than the AK");
	else
		cloud_row(a->v, "ak chain", chained, "%s%s",
		          chained ? "the AK's certificate ends in the root given"
		                  : "the AK's certificate: ",
		          chained ? "" : why);
}

static void tpm_row(struct azure *a)
{
	uint64_t at = 0;
	enum format_code code;

	if (!a->in->message.data || !a->in->signature.data) {
		cloud_row(a->v, "tpm quote", -1, "none was given");
		return;
	}
	if (!a->ak) {
		cloud_row(a->v, "tpm quote", -1, "no AK to check it by");
		return;
	}
	code = tpm_quote_parse(a->in->message.data, a->in->message.size, &a->tpm, &at);
	if (code != FORMAT_OK) {
		cloud_row(a->v, "tpm quote", 0, "malformed: %s at byte %" PRIu64,
		          format_code_name(code), at);
		return;
	}
	a->has_tpm = rsa_verify(a->ak, false, a->in->message, a->in->signature);
	cloud_row(a->v, "tpm quote", a->has_tpm,
	          a->has_tpm ? "signed by the AK" : "not signed by the AK");
}

static void nonce_row(struct azure *a)
{
	const struct tpm_quote *t = &a->tpm;

	if (!a->has_tpm)
		cloud_row(a->v, "bound", -1, "no TPM quote that holds");
	else if (!a->in->nonce.data)
		cloud_row(a->v, "bound", -1,
		          "no nonce was given: the TPM quote, of one of %zu bytes, may be an old one",
		          t->extra_size);
	else
		cloud_row(a->v, "bound",
		          t->extra_size == a->in->nonce.size &&
		                  memcmp(t->extra, a->in->nonce.data, t->extra_size) == 0,
		          "the TPM quote against the nonce given");
}

static bool pcr_row(struct azure *a)
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 h;
	bool same;

	if (!a->has_tpm || !a->in->pcrs || !a->tpm.pcrs) {
		cloud_row(a->v, "pcrs", -1, "%s",
		          !a->has_tpm      ? "no TPM quote that holds"
		          : !a->in->pcrs ? "no values were given"
		                         : "the TPM quote is of none");
		return false;
	}
	sha256_init(&h);
	for (int i = 0; i < TPM_PCRS; i++) {
		if (a->tpm.pcrs >> i & 1)
			sha256_update(&h, a->in->pcr[i], 32);
	}
	sha256_final(&h, digest);
	same = memcmp(digest, a->tpm.digest, sizeof(digest)) == 0;
	cloud_row(a->v, "pcrs", same,
	          same ? "the values are those that the AK signed (set %#x)"
	               : "the values are not those that the AK signed (set %#x)",
	          a->tpm.pcrs);
	return same;
}

static void log_row(struct azure *a, bool values)
{
	uint8_t pcr[TPM_PCRS][32];
	uint32_t touched;
	size_t events;
	uint64_t at = 0;
	enum format_code code;

	if (!a->in->log.data || !values) {
		cloud_row(a->v, "tpm log", -1, "%s",
		          a->in->log.data ? "no PCRs that hold" : "no event log was given: what the PCRs "
		                                                  "mean is not known");
		return;
	}
	code = tpm_log_replay(a->in->log.data, a->in->log.size, pcr, &touched, &events, &at);
	if (code != FORMAT_OK) {
		cloud_row(a->v, "tpm log", 0, "malformed: %s at byte %" PRIu64,
		          format_code_name(code), at);
		return;
	}
	for (int i = 0; i < TPM_PCRS; i++) {
		if (a->tpm.pcrs >> i & touched >> i & 1 && memcmp(pcr[i], a->in->pcr[i], 32) != 0) {
			cloud_row(a->v, "tpm log", 0, "does not replay to PCR %d", i);
			return;
		}
	}
	touched &= a->tpm.pcrs;
	if (touched)
		cloud_row(a->v, "tpm log", 1,
		          "%zu events replay to the signed PCRs that they name (set %#x of %#x)",
		          events, touched, a->tpm.pcrs);
	else
		cloud_row(a->v, "tpm log", -1, "it names none of the PCRs that were signed");
}

void cloud_azure_parts(const struct azure_evidence *in, const struct quote *quote, time_t at,
                       struct cloud_verdict *ret)
{
	struct azure a = {.in = in, .v = ret, .has_quote = quote != NULL};

	if (quote)
		a.quote = *quote;
	if (hcl_row(&a)) {
		runtime_row(&a);
		if (a.has_quote)
			same_td_row(&a);
		registers_row(&a);
		ak_row(&a);
		ak_chain_row(&a, at);
	}
	tpm_row(&a);
	nonce_row(&a);
	log_row(&a, pcr_row(&a));
	EVP_PKEY_free(a.ak);
	ret->covers[0] = "The TD quote covers what MRTD names, on Azure the paravisor (which one is not looked at here), and, by REPORTDATA, the key of the "
	                 "vTPM that it keeps: not the guest's firmware, loader, kernel or programs.";
	ret->covers[1] = "Those are what the vTPM's PCRs have measured, which the AK signs with a nonce; "
	                 "whoever trusts them trusts the paravisor to be what MRTD says.";
	ret->covers[2] = "A container in the guest is in neither.";
}

int cloud_azure(const struct azure_evidence *in, struct verifier *verifier, time_t at,
                struct cloud_verdict *ret, struct err *e)
{
	struct cloud_verdict v = {0};
	struct quote quote;
	int r;

	verdict_init(&v.quote);
	r = cloud_quote(in->td_quote, verifier, at, &quote, &v, e);
	if (r < 0)
		return r;
	cloud_azure_parts(in, r > 0 ? &quote : NULL, at, &v);
	*ret = v;
	return 0;
}
