/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/hash.h"
#include "format/bytes.h"
#include "format/sha2.h"
#include "test/golden.h"
#include "test/tests.h"

/* FIPS 180-4 examples (NIST "SHA-2 examples": one block, two blocks, empty, a million 'a'). */
static const char one_block[] = "abc";
static const char two_256[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
static const char two_512[] =
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
        "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";

static const struct {
	const char *text, *sha256, *sha384, *sha512;
} vectors[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
         "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
         "274edebfe76f65fbd51ad2f14898b95b",
         "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
         "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
        {one_block, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
         "8086072ba1e7cc2358baeca134c825a7",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
        {two_256, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
         "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6"
         "b0455a8520bc4e6f5fe95b1fe3c8452b",
         "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335"
         "96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445"},
        {two_512, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
         "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712"
         "fcc7c71a557e2db966c3e9fa91746039",
         "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
         "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"},
};

TEST_EACH(nist_examples, vectors)
{
	uint8_t digest[SHA512_SIZE];
	const char *text = vectors[_i].text;

	sha256(text, strlen(text), digest);
	assert_hex("SHA-256", digest, SHA256_SIZE, vectors[_i].sha256);
	sha384(text, strlen(text), digest);
	assert_hex("SHA-384", digest, SHA384_SIZE, vectors[_i].sha384);
	sha512(text, strlen(text), digest);
	assert_hex("SHA-512", digest, SHA512_SIZE, vectors[_i].sha512);
}

TEST(nist_million_a)
{
	uint8_t digest[SHA512_SIZE], chunk[1000];
	struct sha512 h384, h512;
	struct sha256 h256;

	memset(chunk, 'a', sizeof(chunk));
	sha256_init(&h256);
	sha384_init(&h384);
	sha512_init(&h512);
	for (int i = 0; i < 1000; i++) {
		sha256_update(&h256, chunk, sizeof(chunk));
		sha512_update(&h384, chunk, sizeof(chunk));
		sha512_update(&h512, chunk, sizeof(chunk));
	}
	sha256_final(&h256, digest);
	assert_hex("SHA-256", digest, SHA256_SIZE,
	           "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	sha384_final(&h384, digest);
	assert_hex("SHA-384", digest, SHA384_SIZE,
	           "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b"
	           "07b8b3dc38ecc4ebae97ddd87f3d8985");
	sha512_final(&h512, digest);
	assert_hex("SHA-512", digest, SHA512_SIZE,
	           "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
	           "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b");
}

static void evp(const EVP_MD *md, const void *data, size_t size, uint8_t *digest)
{
	ck_assert_int_eq(EVP_Digest(data, size, digest, NULL, md, NULL), 1);
}

/* Every length around the edges of one and two blocks and their padding. */
TEST(every_length_like_openssl)
{
	uint8_t data[300], ours[SHA512_SIZE], theirs[SHA512_SIZE];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 151 + 7);
	for (size_t n = 0; n <= sizeof(data); n++) {
		sha256(data, n, ours);
		evp(EVP_sha256(), data, n, theirs);
		ck_assert_mem_eq(ours, theirs, SHA256_SIZE);
		sha384(data, n, ours);
		evp(EVP_sha384(), data, n, theirs);
		ck_assert_mem_eq(ours, theirs, SHA384_SIZE);
		sha512(data, n, ours);
		evp(EVP_sha512(), data, n, theirs);
		ck_assert_mem_eq(ours, theirs, SHA512_SIZE);
	}
}

/* Random lengths, fed in random pieces. */
TEST(pieces_like_openssl)
{
	static uint8_t data[20000];
	uint8_t ours[SHA512_SIZE], theirs[SHA512_SIZE];

	srandom(1);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)random();
	for (int round = 0; round < 200; round++) {
		size_t size = (size_t)random() % sizeof(data), done = 0;
		struct sha512 h512;
		struct sha256 h256;

		sha256_init(&h256);
		sha384_init(&h512);
		while (done < size) {
			size_t n = (size_t)random() % 400;

			n = n > size - done ? size - done : n;
			sha256_update(&h256, data + done, n);
			sha512_update(&h512, data + done, n);
			done += n;
		}
		sha256_final(&h256, ours);
		evp(EVP_sha256(), data, size, theirs);
		ck_assert_mem_eq(ours, theirs, SHA256_SIZE);
		sha384_final(&h512, ours);
		evp(EVP_sha384(), data, size, theirs);
		ck_assert_mem_eq(ours, theirs, SHA384_SIZE);
		hash384(data, size, theirs);
		ck_assert_mem_eq(ours, theirs, SHA384_SIZE);
	}
}

/* RFC 4231 cases 1, 2 and 6 (key longer than a block), and every key length like OpenSSL. */
TEST(hmac_vectors)
{
	uint8_t key[131], data[200], ours[SHA256_SIZE], theirs[SHA256_SIZE];

	memset(key, 0x0b, 20);
	hmac_sha256(key, 20, "Hi There", 8, ours);
	assert_hex("case 1", ours, sizeof(ours),
	           "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, ours);
	assert_hex("case 2", ours, sizeof(ours),
	           "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	hmac_sha256(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54,
	            ours);
	assert_hex("case 6", ours, sizeof(ours),
	           "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	memset(data, 0x5a, sizeof(data));
	for (size_t n = 1; n <= sizeof(key); n++) {
		unsigned size = sizeof(theirs);

		hmac_sha256(key, n, data, sizeof(data), ours);
		ck_assert_ptr_nonnull(
		        HMAC(EVP_sha256(), key, (int)n, data, sizeof(data), theirs, &size));
		ck_assert_mem_eq(ours, theirs, sizeof(ours));
	}
}

TESTS("sha2")
