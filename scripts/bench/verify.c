/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much a quote's verification costs beyond the ECDSA verifications that nobody can do without.
 * Both sides are measured with the same OpenSSL in the same run.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <string.h>

#include "bench.h"
#include "trust/chain.h"
#include "trust/collateral.h"
#include "trust/ecdsa.h"
#include "trust/verify.h"

#define QUOTE  "cases/golden/quote/9c3786b9b3d6.bin"
#define BUNDLE "cases/golden/collateral/60c2bf34.json"
#define AT     1770801952

static struct quote quote;
static struct verifier *warm;
static char *bundle;
static size_t bundle_size;

/* One ECDSA verification as `openssl speed` does it: key, digest and DER signature at hand. */
static EVP_PKEY_CTX *ctx;
static unsigned char digest[32], der[80];
static size_t der_size = sizeof(der);

static void *read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "rb");
	char *data = malloc(1 << 20);

	MUST(f && data);
	*ret_size = fread(data, 1, 1 << 20, f);
	fclose(f);
	return data;
}

static void check(struct verifier *v)
{
	struct verdict verdict;
	struct err e;

	MUST(verifier_check(v, &quote, AT, &verdict, &e) == 0);
	MUST(verdict.authentic && verdict.status == TCB_UP_TO_DATE);
}

static struct verifier *new_verifier(void)
{
	struct verifier *v;
	struct err e;

	MUST(verifier_new(NULL, &v, &e) == 0);
	MUST(verifier_add(v, bundle, bundle_size, &e) == 0);
	return v;
}

static void set_up(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	EVP_PKEY_CTX *sign = EVP_PKEY_CTX_new(key, NULL);
	size_t size;
	void *data = read_file(QUOTE, &size);

	MUST(quote_parse(data, size, &quote, NULL) == FORMAT_OK);
	bundle = read_file(BUNDLE, &bundle_size);
	warm = new_verifier();
	RAND_bytes(digest, sizeof(digest));
	MUST(EVP_PKEY_sign_init(sign) == 1 &&
	     EVP_PKEY_sign(sign, der, &der_size, digest, sizeof(digest)) == 1);
	ctx = EVP_PKEY_CTX_new(key, NULL);
	MUST(EVP_PKEY_verify_init(ctx) == 1);
	EVP_PKEY_CTX_free(sign);
}

/* ---- what is measured ---- */

static void ecdsa(void)
{
	MUST(EVP_PKEY_verify(ctx, der, der_size, digest, sizeof(digest)) == 1);
}

static void parse_certificates(void)
{
	struct chain c;
	struct err e;

	MUST(chain_read(quote.cert_data.data, quote.cert_data.size, CHAIN_PCK, NULL, &c, &e) == 0);
	chain_done(&c);
}

static void seen_chain(void)
{
	check(warm);
}

/* A chain with other bytes than any before: another number in the text behind its certificates. */
static void new_chain(void)
{
	static char text[2][8192];
	static unsigned which;
	struct bytes was = quote.cert_data;
	size_t size = was.size - 1; /* without the NUL */

	memcpy(text[which % 2], was.data, size);
	snprintf(text[which % 2] + size, 16, "\n%u\n", which);
	quote.cert_data = (struct bytes){(uint8_t *)text[which % 2], strlen(text[which % 2])};
	which++;
	check(warm);
	quote.cert_data = was;
}

static void everything_new(void)
{
	struct verifier *v = new_verifier();

	check(v);
	verifier_free(v);
}

enum { ECDSA, PARSE, SEEN, NEW, ALL, KINDS };

static struct bench kinds[KINDS] = {
        [ECDSA] = {"one ECDSA verification", ecdsa, 100},
        [PARSE] = {"parsing three certificates", parse_certificates, 20},
        [SEEN] = {"a quote, chain seen before", seen_chain, 50},
        [NEW] = {"a quote, new chain", new_chain, 20},
        [ALL] = {"a quote, new verifier and collateral", everything_new, 5},
};

int main(void)
{
	bool good;

	set_up();
	bench_run(kinds, KINDS);
	good = bench_ratio("seen before / two ECDSA verifications", kinds[SEEN].us,
	                   2 * kinds[ECDSA].us, 1.2);
	/* leaf, CA, QE report, quote; the root's own signature is extra */
	good &= bench_ratio("new chain / (four ECDSA verifications + parsing its certificates)",
	                    kinds[NEW].us, 4 * kinds[ECDSA].us + kinds[PARSE].us, 1.3);
	/* the above, TCB signer, TCB info, QE identity and two CRLs; then as much for reading it all */
	good &= bench_ratio("everything new / nine ECDSA verifications", kinds[ALL].us,
	                    9 * kinds[ECDSA].us, 3.0);
	verifier_free(warm);
	return good ? 0 : 1;
}
