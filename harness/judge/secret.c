/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/escape.h"
#include "format/text.h"
#include "format/tdx.h"
#include "judge/frames.h"
#include "judge/rung.h"

static bool lacks(const struct layer_verdict *v, enum rung rung, char *why)
{
	const struct rung_result *r = &v->ladder[rung];

	if (r->ok == RUNG_TRUE)
		return false;
	snprintf(why, JUDGE_TEXT_MAX, "%s: %s%s%.200s", rung_names[rung], r->error,
	         r->error[0] && r->detail[0] ? ": " : "", r->detail);
	return true;
}

/* What the layer below says to have put into RTMR3, which `covers` holds against the quote's. */
static bool lacks_key(const struct secret_input *in, char *why)
{
	char own[HEX_ENCODED_SIZE(32)];

	hex_encode(in->layer->key_digest, 32, own);
	for (size_t i = 0; i < in->below->extends; i++) {
		const struct extend_evidence *x = &in->below->extend[i];
		const char *id = member_text(x->what, "layer"), *key = member_text(x->what, "key");

		if (x->key && x->ok && x->known_event && id && key &&
		    strcmp(id, in->id) == 0 && strcmp(key, own) == 0)
			return false;
	}
	snprintf(why, JUDGE_TEXT_MAX, "covers: RTMR3 has not the layer's key");
	return true;
}

bool secret_allowed(const struct secret_input *in, const struct layer_verdict *v, char *why)
{
	static const enum rung needed[] = {RUNG_QUOTE, RUNG_PARSED,   RUNG_BOUND,    RUNG_REGISTERS,
	                                   RUNG_CHAIN, RUNG_EVENTLOG, RUNG_PREDICTED};

	if (in->flaw[0]) {
		snprintf(why, JUDGE_TEXT_MAX, "evidence: %.200s", in->flaw);
		return false;
	}
	for (size_t i = 0; i < COUNT_OF(needed); i++) {
		if (lacks(v, needed[i], why))
			return false;
	}
	if (v->measured.attributes & TDX_ATTR_DEBUG) {
		snprintf(why, JUDGE_TEXT_MAX, "registers: DEBUG is on: the host can read this TD");
		return false;
	}
	if (v->ladder[RUNG_TCB].ok == RUNG_FALSE && lacks(v, RUNG_TCB, why))
		return false;
	return !in->below || (!lacks(v, RUNG_COVERS, why) && !lacks_key(in, why));
}

/* The key that the layer named, in evidence that its quote binds. */
static bool read_key(const struct layer_evidence *l, uint8_t ret[HPKE_KEY_SIZE])
{
	uint8_t *data = NULL;
	size_t size = 0;
	bool good = member_bytes(l->key, "public", &data, &size) == 0 && size == HPKE_KEY_SIZE;

	if (good)
		memcpy(ret, data, HPKE_KEY_SIZE);
	free(data);
	return good;
}

static bool proves(const struct layer_evidence *l, const uint8_t expected[SECRET_PROOF_SIZE])
{
	uint8_t *data = NULL;
	size_t size = 0;
	bool good = member_bytes(l->proof, "mac", &data, &size) == 0 && size == SECRET_PROOF_SIZE &&
	            memcmp(data, expected, SECRET_PROOF_SIZE) == 0;

	free(data);
	return good;
}

static void conclude(struct layer_verdict *v, enum secret_state state, const char *what,
                     const char *why)
{
	v->secret = state;
	rung_set(&v->ladder[RUNG_SECRET], state == SECRET_RELEASED ? RUNG_TRUE : RUNG_FALSE,
	         "%s%.200s", what, why);
}

static void weigh_question(const struct secret_input *in, struct layer_verdict *v)
{
	char why[JUDGE_TEXT_MAX] = "the layer names no key";

	if (!v->has_key || !secret_allowed(in, v, why)) {
		conclude(v, SECRET_ASKED, "", why);
		return;
	}
	v->secret = SECRET_ASKED;
	rung_set(&v->ladder[RUNG_SECRET], RUNG_NULL, "it may have its secret, and waits for it");
}

void secret_weigh(const struct secret_input *in, struct layer_verdict *v)
{
	const struct layer_evidence *l = in->layer;
	const struct secret_record *s = in->answer;
	char why[JUDGE_TEXT_MAX], step[48];

	v->has_key = read_key(l, v->key);
	text_escape(step, sizeof(step), member_text(l->proof, "step"));
	if (!s->answered && !l->asks)
		conclude(v, SECRET_LOST, "the layer asked for none", "");
	else if (!s->answered)
		weigh_question(in, v);
	else if (!s->released)
		conclude(v, SECRET_REFUSED, "refused: ", s->reason);
	else if (!v->has_key)
		conclude(v, SECRET_LOST, "released, to a layer without a key", "");
	else if (!proves(l, s->proof))
		conclude(v, SECRET_LOST, "sent, and the layer does not prove that it has it: step ",
		         step[0] ? step : "unknown");
	else if (!secret_allowed(in, v, why))
		conclude(v, SECRET_LOST, "released, and should not have been: ", why);
	else
		conclude(v, SECRET_RELEASED,
		         "sealed to the key that REPORTDATA binds; the layer proves that it has it",
		         in->below ? "; RTMR3 names layer and key" : "");
}

void secret_judge(const struct visit_record *visit, const struct cell *cell,
                  const struct layer_evidence *zero, const struct layer_evidence *inner,
                  struct layer_verdict *v)
{
	const size_t last = cell->layers - 1;
	struct secret_input in = {
	        .layer = last ? &inner[last] : zero,
	        .id = visit ? visit->cell_id : "",
	        .flaw = zero->problem,
	};

	if (!visit || !visit->secret.wanted || !v->entered)
		return;
	if (last && layer_has(&cell->layer[last], GRANT_MEASURED))
		in.below = &inner[last - 1];
	for (size_t i = 0; last && i <= last && !in.flaw[0]; i++)
		in.flaw = inner[i].problem;
	in.answer = &visit->secret;
	secret_weigh(&in, v);
}
