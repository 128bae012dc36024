/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MRTD of a 4 MiB image against hashing as many bytes in one go: once with the same SHA-384 (that
 * of format/, which needs no library) and, for comparison, with OpenSSL's.
 */
#include <openssl/evp.h>
#include <string.h>

#include "bench.h"
#include "format/sha2.h"
#include "format/tdvf.h"

#define IMAGE (4u << 20)
/* a record for each page, and one for each chunk of 256 bytes beside the chunk itself */
#define HASHED (IMAGE / 4096 * 128 + IMAGE / 256 * (128 + 256))

static uint8_t *image, *bytes;
static struct tdvf tdvf = {
        .count = 1,
        .section = {{.raw_size = IMAGE,
                     .address = 0xffc00000,
                     .memory_size = IMAGE,
                     .attributes = TDVF_ATTR_MR_EXTEND}},
};

static void mrtd_single_pass(void)
{
	uint8_t mrtd[48];

	tdvf_mrtd(image, IMAGE, &tdvf, MRTD_SINGLE_PASS, mrtd);
}

static void mrtd_two_pass(void)
{
	uint8_t mrtd[48];

	tdvf_mrtd(image, IMAGE, &tdvf, MRTD_TWO_PASS, mrtd);
}

static void hash(void)
{
	uint8_t digest[48];

	sha384(bytes, HASHED, digest);
}

static void hash_openssl(void)
{
	uint8_t digest[48];

	MUST(EVP_Digest(bytes, HASHED, digest, NULL, EVP_sha384(), NULL) == 1);
}

int main(void)
{
	enum { SINGLE, TWO, HASH, OPENSSL, KINDS };
	struct bench kinds[KINDS] = {
	        [SINGLE] = {"MRTD, single pass", mrtd_single_pass, 1},
	        [TWO] = {"MRTD, two passes", mrtd_two_pass, 1},
	        [HASH] = {"SHA-384 of as many bytes", hash, 1},
	        [OPENSSL] = {"the same with OpenSSL", hash_openssl, 1},
	};
	bool good;

	MUST((image = malloc(IMAGE)) && (bytes = malloc(HASHED)));
	for (size_t i = 0; i < IMAGE; i++)
		image[i] = (uint8_t)(i * 2654435761u >> 13);
	memset(bytes, 0xa5, HASHED);
	bench_run(kinds, KINDS);
	good = bench_ratio("MRTD, single pass / SHA-384 of as many bytes", kinds[SINGLE].us,
	                   kinds[HASH].us, 1.2);
	good &= bench_ratio("MRTD, two passes / SHA-384 of as many bytes", kinds[TWO].us,
	                    kinds[HASH].us, 1.2);
	free(image);
	free(bytes);
	return good ? 0 : 1;
}
