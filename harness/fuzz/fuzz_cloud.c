/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clouds' evidence is made of: HCL reports, TPM quotes and logs, launch endorsements; what a TPM answers. What is
 * accepted lies in the input, a firmware's MRTD within what is signed, and what was not signed is never called so.
 * Seeds: cases/golden/cloud cases/golden/eventlog
 */
#include "format/gce.h"
#include "format/hcl.h"
#include "format/tpm.h"
#include "format/tpmcmd.h"
#include "fuzz/fuzz.h"
#include "trust/cloud.h"

static void inside(const uint8_t *data, size_t size, const void *at, size_t length)
{
	const uint8_t *p = at;

	FUZZ_CHECK(!length ||
	           (p >= data && p <= data + size && length <= (size_t)(data + size - p)));
}

static void responses(const uint8_t *data, size_t size)
{
	const uint8_t *one = NULL, *two = NULL;
	uint8_t pcr[TPM_PCRS_ASKED][32];
	size_t ones = 0, twos = 0;
	struct tpm_nv nv;
	uint32_t rc;

	if (tpm_nv_read_parse(data, size, &rc, &one, &ones) == FORMAT_OK && rc == 0)
		inside(data, size, one, ones);
	if (tpm_quote_answer(data, size, &rc, &one, &ones, &two, &twos) == FORMAT_OK && rc == 0) {
		inside(data, size, one, ones);
		inside(data, size, two, twos);
	}
	tpm_nv_public_parse(data, size, &rc, &nv);
	tpm_pcr_parse(data, size, &rc, pcr);
}

static void parse(const uint8_t *data, size_t size)
{
	uint8_t pcr[TPM_PCRS][32];
	struct gce_endorsement g;
	struct hcl_report hcl;
	struct tpm_quote q;
	uint32_t touched;
	size_t events;

	if (hcl_parse(data, size, &hcl, NULL) == FORMAT_OK) {
		inside(data, size, hcl.report, HCL_REPORT_SIZE);
		inside(data, size, hcl.json, hcl.json_size);
	}
	if (tpm_quote_parse(data, size, &q, NULL) == FORMAT_OK)
		inside(data, size, q.extra, q.extra_size);
	if (gce_parse(data, size, &g, NULL) == FORMAT_OK) {
		inside(data, size, g.golden.data, g.golden.size);
		inside(data, size, g.cert.data, g.cert.size);
		for (size_t i = 0; i < g.mrtds; i++)
			inside(g.golden.data, g.golden.size, g.mrtd[i].mrtd, 48);
	}
	tpm_log_replay(data, size, pcr, &touched, &events, NULL);
	responses(data, size);
}

/* As JSON: nothing of it is bound to a nonce that nobody has given. */
static void judge_json(const uint8_t *data, size_t size, struct verifier *verifier)
{
	struct azure_evidence ev = {0};
	struct cloud_parts parts = {0};
	struct cloud_verdict v;
	struct err e;

	if (azure_read(data, size, &parts, &ev, &e) == 0 && cloud_azure(&ev, verifier, 0, &v, &e) == 0) {
		for (size_t i = 0; i < v.rows; i++)
			FUZZ_CHECK(v.row[i].ok <= 0 || strcmp(v.row[i].what, "bound") != 0);
	}
	cloud_parts_done(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bytes all = {data, size};
	const struct azure_evidence azure = {.hcl = all, .message = all, .signature = all};
	struct cloud_verdict v;
	struct verifier *verifier;
	struct err e;

	parse(data, size);
	FUZZ_CHECK(verifier_new(&(struct trust_anchors){0}, &verifier, &e) == 0);
	if (cloud_azure(&azure, verifier, 0, &v, &e) == 0) {
		for (size_t i = 0; i < v.rows; i++) {
			FUZZ_CHECK(v.row[i].ok <= 0 || strncmp(v.row[i].what, "tpm ", 4) != 0);
		}
	}
	judge_json(data, size, verifier);
	verifier_free(verifier);
	return 0;
}
