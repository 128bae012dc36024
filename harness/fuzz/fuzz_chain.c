/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificate chains, as PEM text or as certificates in DER one after the other: what is read is
 * read again as the same; what verifies consists of genuine certificates, bit for bit.
 * Seeds: cases/golden/pieces/chain
 * Runs: 100000
 */
#include "fuzz/golden.h"
#include "trust/chain.h"
#include "trust/ecdsa.h"
#include "trust/sgxext.h"

static struct chain genuine[4];

static void init(void)
{
	static const char *const name[] = {"9c3786b9b3d6.pem", "586c2be0dc38.pem",
	                                   "60c2bf34-signing.pem", "ccfb0f1d-signing.pem"};
	struct err e;

	for (size_t i = 0; i < 4; i++) {
		char path[80], *pem;
		size_t size;

		snprintf(path, sizeof(path), "pieces/chain/%s", name[i]);
		pem = fuzz_golden(path, &size);
		FUZZ_CHECK(chain_read(pem, size, i < 2 ? CHAIN_PCK : CHAIN_SIGNING, NULL,
		                      &genuine[i], &e) == 0);
		free(pem);
	}
}

static bool is_genuine(const X509 *cert)
{
	for (size_t i = 0; i < 4; i++) {
		for (size_t k = 0; k < genuine[i].count; k++) {
			if (cert_equal(cert, genuine[i].cert[k]))
				return true;
		}
	}
	return false;
}

/* The DER of `count` certificates as PEM; NULL when it is no row of them. Caller frees. */
static char *to_pem(const uint8_t *der, size_t size, size_t *ret_count)
{
	char *pem = calloc(1, 2 * size + 400), *at = pem;

	for (*ret_count = 0; size > 4 && *ret_count < CHAIN_MAX + 1; ++*ret_count) {
		size_t n = der[0] == 0x30 && der[1] == 0x82 ? 4 + (der[2] << 8 | der[3]) : size;

		n = n > size ? size : n;
		at += sprintf(at, "-----BEGIN CERTIFICATE-----\n");
		for (size_t i = 0; i < n; i += 48) {
			size_t part = n - i < 48 ? n - i : 48;

			at += EVP_EncodeBlock((unsigned char *)at, der + i, (int)part);
			*at++ = '\n';
		}
		at += sprintf(at, "-----END CERTIFICATE-----\n");
		der += n;
		size -= n;
	}
	return pem;
}

/* Written and read again it is the same chain. */
static void check_again(const struct chain *c)
{
	uint8_t *der = NULL;
	struct chain again;
	struct err e;
	size_t count;
	int size = 0;
	char *pem;

	for (size_t i = 0; i < c->count; i++)
		size += i2d_X509(c->cert[i], NULL);
	der = malloc((size_t)size);
	for (size_t i = 0, at = 0; i < c->count; i++) {
		uint8_t *out = der + at;

		at += (size_t)i2d_X509(c->cert[i], &out);
	}
	pem = to_pem(der, (size_t)size, &count);
	/* DER that is not shortest (a length in the long form) is split otherwise; that is fine */
	if (count == c->count && chain_read(pem, strlen(pem), count, NULL, &again, &e) == 0) {
		for (size_t i = 0; i < count; i++)
			FUZZ_CHECK(cert_equal(c->cert[i], again.cert[i]));
		chain_done(&again);
	}
	free(pem);
	free(der);
}

static void check_chain(const struct chain *c)
{
	struct dates dates;
	enum origin origin = ORIGIN_NONE;
	struct err e;
	struct pck pck;

	check_again(c);
	sgxext_read(c->cert[0], &pck, &e);
	if (chain_verify(c, NULL, &origin, &dates, &e) < 0)
		return;
	FUZZ_CHECK(origin == ORIGIN_HARDWARE);
	for (size_t i = 0; i < c->count; i++)
		FUZZ_CHECK(is_genuine(c->cert[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *pem = NULL;
	struct chain c;
	struct err e;
	size_t count;

	if (!genuine[0].count)
		init();
	if (size > 16384)
		return 0;
	if (size && data[0] == 0x30)
		pem = to_pem(data, size, &count);
	for (count = CHAIN_SIGNING; count <= CHAIN_PCK; count++) {
		if (chain_read(pem ? pem : (const char *)data, pem ? strlen(pem) : size, count,
		               NULL, &c, &e) < 0)
			continue;
		FUZZ_CHECK(c.count == count);
		check_chain(&c);
		chain_done(&c);
	}
	free(pem);
	return 0;
}
