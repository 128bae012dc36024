/* SPDX-License-Identifier: Apache-2.0 */
#include "format/sha2.h"

#include <string.h>

/* Constants of FIPS 180-4 sections 4.2.2, 4.2.3 and 5.3. */
static const uint32_t k256[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2,
};

static const uint64_t k512[80] = {
        0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
        0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
        0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
        0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
        0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
        0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
        0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
        0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
        0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
        0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
        0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
        0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
        0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
        0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
        0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
        0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
        0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
        0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
        0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
        0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static const uint32_t init256[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint64_t init384[8] = {
        0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
        0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

static const uint64_t init512[8] = {
        0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
        0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static inline uint32_t ror32(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static inline uint64_t ror64(uint64_t x, unsigned n)
{
	return x >> n | x << (64 - n);
}

static inline uint32_t load32be(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline uint64_t load64be(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static inline void store64be(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

/*
 * One round of either function: the working variables are renamed by the caller instead of moved,
 * so a block of eight rounds leaves them where they were.
 */
#define ROUND(a, b, c, d, e, f, g, h, S1, S0, kw)           \
	do {                                                \
		h += S1(e) + ((e & f) ^ (~e & g)) + (kw);   \
		d += h;                                     \
		h += S0(a) + ((a & b) ^ (a & c) ^ (b & c)); \
	} while (0)

#define EIGHT_ROUNDS(S1, S0, KW, i)                                 \
	do {                                                        \
		ROUND(a, b, c, d, e, f, g, h, S1, S0, KW((i) + 0)); \
		ROUND(h, a, b, c, d, e, f, g, S1, S0, KW((i) + 1)); \
		ROUND(g, h, a, b, c, d, e, f, S1, S0, KW((i) + 2)); \
		ROUND(f, g, h, a, b, c, d, e, S1, S0, KW((i) + 3)); \
		ROUND(e, f, g, h, a, b, c, d, S1, S0, KW((i) + 4)); \
		ROUND(d, e, f, g, h, a, b, c, S1, S0, KW((i) + 5)); \
		ROUND(c, d, e, f, g, h, a, b, S1, S0, KW((i) + 6)); \
		ROUND(b, c, d, e, f, g, h, a, S1, S0, KW((i) + 7)); \
	} while (0)

#define S1_256(x) (ror32(x, 6) ^ ror32(x, 11) ^ ror32(x, 25))
#define S0_256(x) (ror32(x, 2) ^ ror32(x, 13) ^ ror32(x, 22))
#define KW_256(i) (k256[i] + w[i])

static void sha256_block(void *of, const uint8_t *block)
{
	uint32_t *state = of;
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	uint32_t w[64];

	for (int i = 0; i < 16; i++)
		w[i] = load32be(block + 4 * i);
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (ror32(w[i - 15], 7) ^ ror32(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (ror32(w[i - 2], 17) ^ ror32(w[i - 2], 19) ^ w[i - 2] >> 10);
	for (int i = 0; i < 64; i += 8)
		EIGHT_ROUNDS(S1_256, S0_256, KW_256, i);
	state[0] += a, state[1] += b, state[2] += c, state[3] += d;
	state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

#define S1_512(x) (ror64(x, 14) ^ ror64(x, 18) ^ ror64(x, 41))
#define S0_512(x) (ror64(x, 28) ^ ror64(x, 34) ^ ror64(x, 39))
#define KW_512(i) (k512[i] + w[i])

static void sha512_block(void *of, const uint8_t *block)
{
	uint64_t *state = of;
	uint64_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint64_t e = state[4], f = state[5], g = state[6], h = state[7];
	uint64_t w[80];

	for (int i = 0; i < 16; i++)
		w[i] = load64be(block + 8 * i);
	for (int i = 16; i < 80; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (ror64(w[i - 15], 1) ^ ror64(w[i - 15], 8) ^ w[i - 15] >> 7) +
		       (ror64(w[i - 2], 19) ^ ror64(w[i - 2], 61) ^ w[i - 2] >> 6);
	for (int i = 0; i < 80; i += 8)
		EIGHT_ROUNDS(S1_512, S0_512, KW_512, i);
	state[0] += a, state[1] += b, state[2] += c, state[3] += d;
	state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

/* Blocks of either function, of `full` bytes, as they fill; `length` counts what came before. */
typedef void (*block_fn)(void *state, const uint8_t *block);

static void update(block_fn take, void *state, uint8_t *block, size_t full, uint64_t length,
                   const uint8_t *p, size_t size)
{
	size_t used = length & (full - 1); /* a power of two */

	if (used) {
		size_t n = size < full - used ? size : full - used;

		memcpy(block + used, p, n);
		p += n;
		size -= n;
		if (used + n < full)
			return;
		take(state, block);
	}
	for (; size >= full; p += full, size -= full)
		take(state, p);
	if (size)
		memcpy(block, p, size);
}

/* The last blocks: 0x80, zeros, and the length in bits in an eighth of a block. */
static void pad(block_fn take, void *state, uint8_t *block, size_t full, uint64_t length)
{
	size_t used = length & (full - 1); /* a power of two */

	block[used++] = 0x80;
	if (used > full - full / 8) {
		memset(block + used, 0, full - used);
		take(state, block);
		used = 0;
	}
	memset(block + used, 0, full - used);
	if (full == sizeof(((struct sha512 *)0)->block))
		store64be(block + full - 16, length >> 61);
	store64be(block + full - 8, length << 3);
	take(state, block);
}

void sha256_init(struct sha256 *h)
{
	memcpy(h->state, init256, sizeof(h->state));
	h->length = 0;
}

void sha256_update(struct sha256 *h, const void *data, size_t size)
{
	update(sha256_block, h->state, h->block, sizeof(h->block), h->length, data, size);
	h->length += size;
}

void sha256_final(struct sha256 *h, uint8_t digest[SHA256_SIZE])
{
	pad(sha256_block, h->state, h->block, sizeof(h->block), h->length);
	for (int i = 0; i < 8; i++) {
		uint32_t v = __builtin_bswap32(h->state[i]);

		memcpy(digest + 4 * i, &v, sizeof(v));
	}
}

void sha384_init(struct sha512 *h)
{
	memcpy(h->state, init384, sizeof(h->state));
	h->length = 0;
}

void sha512_init(struct sha512 *h)
{
	memcpy(h->state, init512, sizeof(h->state));
	h->length = 0;
}

void sha512_update(struct sha512 *h, const void *data, size_t size)
{
	update(sha512_block, h->state, h->block, sizeof(h->block), h->length, data, size);
	h->length += size;
}

/* Stores the first `words` state words: six of them are SHA-384. */
static void sha512_finish(struct sha512 *h, uint8_t *digest, int words)
{
	pad(sha512_block, h->state, h->block, sizeof(h->block), h->length);
	for (int i = 0; i < words; i++)
		store64be(digest + 8 * i, h->state[i]);
}

void sha384_final(struct sha512 *h, uint8_t digest[SHA384_SIZE])
{
	sha512_finish(h, digest, 6);
}

void sha512_final(struct sha512 *h, uint8_t digest[SHA512_SIZE])
{
	sha512_finish(h, digest, 8);
}

void sha256(const void *data, size_t size, uint8_t digest[SHA256_SIZE])
{
	struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, data, size);
	sha256_final(&h, digest);
}

void sha384(const void *data, size_t size, uint8_t digest[SHA384_SIZE])
{
	struct sha512 h;

	sha384_init(&h);
	sha512_update(&h, data, size);
	sha384_final(&h, digest);
}

void sha512(const void *data, size_t size, uint8_t digest[SHA512_SIZE])
{
	struct sha512 h;

	sha512_init(&h);
	sha512_update(&h, data, size);
	sha512_final(&h, digest);
}

void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
                 uint8_t mac[SHA256_SIZE])
{
	uint8_t pad[64] = {0}, inner[SHA256_SIZE];
	struct sha256 h;

	if (key_size > sizeof(pad))
		sha256(key, key_size, pad);
	else if (key_size)
		memcpy(pad, key, key_size);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36;
	sha256_init(&h);
	sha256_update(&h, pad, sizeof(pad));
	sha256_update(&h, data, size);
	sha256_final(&h, inner);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	sha256_init(&h);
	sha256_update(&h, pad, sizeof(pad));
	sha256_update(&h, inner, sizeof(inner));
	sha256_final(&h, mac);
}
