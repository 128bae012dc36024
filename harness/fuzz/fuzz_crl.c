/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRLs in DER, PEM or hexadecimal: only genuine ones, bit for bit, answer for a certificate.
 * Seeds: cases/golden/pieces/crl
 * Runs: 100000
 */
#include "fuzz/golden.h"
#include "trust/collateral.h"
#include "trust/ecdsa.h"

#define AT 1770801952 /* when all the seeds hold, or all of the older pair */

static struct chain chain; /* the platform's: leaf, CA, root */
static uint8_t point[CHAIN_PCK][ECDSA_RAW_SIZE];
static struct anchor anchor;
static X509_CRL *genuine[4];

static void init(void)
{
	static const char *const name[] = {"60c2bf34-root", "60c2bf34-pck", "ccfb0f1d-root",
	                                   "ccfb0f1d-pck"};
	struct err e;
	size_t size;
	char *file = fuzz_golden("pieces/chain/9c3786b9b3d6.pem", &size);

	FUZZ_CHECK(chain_read(file, size, CHAIN_PCK, NULL, &chain, &e) == 0);
	free(file);
	for (size_t i = 0; i < CHAIN_PCK; i++)
		FUZZ_CHECK(cert_point(chain.cert[i], point[i], &e) == 0);
	anchor = (struct anchor){ORIGIN_HARDWARE, chain.cert[2], point[2], NULL};
	for (size_t i = 0; i < 4; i++) {
		const uint8_t *p;
		char path[80];

		snprintf(path, sizeof(path), "pieces/crl/%s.der", name[i]);
		file = fuzz_golden(path, &size);
		p = (const uint8_t *)file;
		FUZZ_CHECK((genuine[i] = d2i_X509_CRL(NULL, &p, (long)size)) != NULL);
		free(file);
	}
}

static bool is_genuine(const struct collateral *c)
{
	for (size_t i = 0; i < c->crls; i++) {
		for (size_t k = 0; k < 4; k++) {
			if (X509_CRL_match(c->crl[i]->crl, genuine[k]) == 0)
				return true;
		}
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct collateral *c;
	struct err e;
	int r;

	if (!chain.count)
		init();
	c = calloc(1, sizeof(*c));
	r = size > 16384 ? -1 : collateral_add(c, data, size, &e);
	for (size_t i = 0; r == 0 && c->crls && i < 2; i++) {
		int asked = collateral_revoked(c, chain.cert[i], chain.cert[i + 1], point[i + 1],
		                               &anchor, AT, VERDICT_PCK_REVOKED, NULL, &e);

		/* nothing that Intel signed lists these two */
		FUZZ_CHECK(asked == -ENOMEM ||
		           (asked == -EBADMSG && e.why != VERDICT_PCK_REVOKED) ||
		           (asked == 0 && is_genuine(c)));
	}
	collateral_done(c);
	free(c);
	return 0;
}
