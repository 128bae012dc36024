/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/secret.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "agent/util.h"
#include "format/text.h"

_Static_assert(crypto_scalarmult_curve25519_BYTES == HPKE_KEY_SIZE, "X25519");
_Static_assert(crypto_aead_chacha20poly1305_ietf_NPUBBYTES == HPKE_NONCE_SIZE, "RFC 8439");
_Static_assert(crypto_aead_chacha20poly1305_ietf_ABYTES == HPKE_TAG_SIZE, "RFC 8439");

/* The layer below extends RTMR3 with it, before the quote that is to carry it. */
static int wait_keyed(struct channel *c, const struct visit_layer *from)
{
	_cleanup_(util_json_decrefp) json_t *empty = NULL;
	struct trouble unused;
	struct layer layer;
	uint16_t type = 0;
	int r;

	if (visit_read_layer(from, &layer, &unused) < 0 || !layer_has(&layer, GRANT_MEASURED))
		return 0;
	r = channel_receive(c, &type, &empty);
	return r == 0 && type != FRAME_KEYED ? -EPROTO : r;
}

int secret_offer(struct channel *c, const struct visit_layer *layer, struct secret_key *ret)
{
	json_t *key = json_pack("{s:s}", "suite", HPKE_SUITE);
	int r;

	if (sodium_init() < 0) {
		util_json_set_errno(key, EIO);
	} else {
		randombytes_buf(ret->private, sizeof(ret->private));
		crypto_scalarmult_curve25519_base(ret->public, ret->private);
		json_object_set_new(key, "public",
		                    util_json_base64(ret->public, sizeof(ret->public)));
	}
	r = channel_send(c, FRAME_KEY, key);
	return r == 0 ? wait_keyed(c, layer) : r;
}

int secret_open(const struct secret_key *key, const void *info, size_t info_size,
                const void *associated, size_t associated_size, const uint8_t *sealed, size_t size,
                uint8_t *ret)
{
	uint8_t dh[HPKE_KEY_SIZE], symmetric[HPKE_KEY_SIZE], nonce[HPKE_NONCE_SIZE];
	unsigned long long got;
	int r;

	if (size < HPKE_KEY_SIZE + HPKE_TAG_SIZE ||
	    crypto_scalarmult_curve25519(dh, key->private, sealed) != 0)
		return -EBADMSG;
	hpke_schedule(dh, sealed, key->public, info, info_size, symmetric, nonce);
	r = crypto_aead_chacha20poly1305_ietf_decrypt(ret, &got, NULL, sealed + HPKE_KEY_SIZE,
	                                              size - HPKE_KEY_SIZE, associated,
	                                              associated_size, nonce, symmetric);
	sodium_memzero(dh, sizeof(dh));
	sodium_memzero(symmetric, sizeof(symmetric));
	return r == 0 ? 0 : -EBADMSG;
}

/* A member in base64 of exactly `size` bytes. */
static bool take(const json_t *object, const char *name, uint8_t *ret, size_t size)
{
	const json_t *value = json_object_get(object, name);
	size_t length = json_string_length(value), got = 0;
	uint8_t bytes[BASE64_DECODED_MAX(BASE64_ENCODED_SIZE(SECRET_SEALED_SIZE))];

	if (length >= BASE64_ENCODED_SIZE(SECRET_SEALED_SIZE) ||
	    base64_decode(json_string_value(value), length, bytes, &got) != FORMAT_OK ||
	    got != size)
		return false;
	memcpy(ret, bytes, size);
	return true;
}

/* PROOF: with `mac` when the secret was opened. */
static json_t *prove(const json_t *answer, const struct visit_layer *layer,
                     const struct secret_key *key)
{
	uint8_t sealed[SECRET_SEALED_SIZE], nonce[SECRET_NONCE_SIZE], secret[SECRET_SIZE];
	uint8_t info[HPKE_INFO_MAX], mac[SECRET_PROOF_SIZE];
	size_t info_size = secret_info(layer->nonce, layer->id, info);
	json_t *proof = json_pack("{s:b,s:s}", "ok", 0, "step", "refused");

	if (json_object_get(answer, "refused"))
		return proof;
	if (!take(answer, "sealed", sealed, sizeof(sealed)) ||
	    !take(answer, "nonce", nonce, sizeof(nonce))) {
		json_object_set_new(proof, "step", json_string("answer"));
		return proof;
	}
	if (secret_open(key, info, info_size, nonce, sizeof(nonce), sealed, sizeof(sealed),
	                secret) < 0) {
		json_object_set_new(proof, "step", json_string("open"));
		return proof;
	}
	secret_proof(secret, nonce, layer->id, mac);
	sodium_memzero(secret, sizeof(secret));
	json_object_set_new(proof, "ok", json_true());
	json_object_set_new(proof, "step", json_string("done"));
	json_object_set_new(proof, "mac", util_json_base64(mac, sizeof(mac)));
	return proof;
}

int secret_ask(struct channel *c, const struct visit_layer *layer, struct secret_key *key)
{
	_cleanup_(util_json_decrefp) json_t *answer = NULL;
	uint16_t type = 0;
	int r = channel_send(c, FRAME_ASK, json_object());

	if (r == 0)
		r = channel_receive(c, &type, &answer);
	if (r == 0 && type != FRAME_SECRET)
		r = -EPROTO;
	if (r == 0)
		r = channel_send(c, FRAME_PROOF, prove(answer, layer, key));
	sodium_memzero(key, sizeof(*key));
	return r;
}
