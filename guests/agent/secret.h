/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/channel.h"
#include "agent/visit.h"
#include "format/hpke.h"

/*
 * A secret for this layer: a key made here, named in KEY before the REPORTs, whose REPORTDATA so
 * binds it; then ASK, the answer SECRET, and PROOF. See README.md.
 */
struct secret_key {
	uint8_t private[HPKE_KEY_SIZE], public[HPKE_KEY_SIZE];
};

/* Makes a key and sends it; where this layer is measured, waits until the layer below has measured that, too. */
int secret_offer(struct channel *c, const struct visit_layer *layer, struct secret_key *ret);
/* Asks for the secret, waits for the answer, sends PROOF; wipes the key. */
int secret_ask(struct channel *c, const struct visit_layer *layer, struct secret_key *key);

/* Opens what seal() made; -EBADMSG: it was made for another key, layer or visit. */
int secret_open(const struct secret_key *key, const void *info, size_t info_size,
                const void *associated, size_t associated_size, const uint8_t *sealed, size_t size,
                uint8_t *ret);
