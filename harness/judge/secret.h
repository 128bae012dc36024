/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "judge/evidence.h"
#include "judge/verdict.h"

/*
 * The rung "secret", weighed last: whether the layer was sent a secret and proves that it has it. It
 * counts for no grade.
 */
struct secret_input {
	const struct layer_evidence *layer;
	const struct secret_record *answer; /* what the run did */
	const char *id;                     /* of the layer */
	/* That measured it, and so has its key in RTMR3, too: the layer below; or NULL. */
	const struct layer_evidence *below;
	const char *flaw; /* the first problem of this visit's evidence, or "" */
};

/*
 * Fills the rung, the state and the key of `v`, whose other rungs have been climbed. While the layer
 * waits (SECRET_ASKED) the rung is null where it may have its secret, else false. One that was released is
 * held against the policy again: the whole run may show more than was there then.
 */
void secret_weigh(const struct secret_input *in, struct layer_verdict *v);

/*
 * The policy: whether a layer may have a secret. Its evidence is whole; its quote is bound to this
 * visit's nonce, authentic by the platform's root and not by a debuggable TD or a platform whose TCB
 * the run's collateral speaks against; the event log replays; MRTD and RTMR0-2 are as predicted; and
 * where the layer below measured it, RTMR3 names it and its key. What is not known is no yes. `why`
 * (JUDGE_TEXT_MAX bytes) says what is missing.
 */
bool secret_allowed(const struct secret_input *in, const struct layer_verdict *v, char *why);

/*
 * The same for a cell's innermost layer, if its visit wants that: by layer 0's own evidence and, where
 * there are more layers, those of the visit, outermost first.
 */
void secret_judge(const struct visit_record *visit, const struct cell *cell,
                  const struct layer_evidence *zero, const struct layer_evidence *inner,
                  struct layer_verdict *v);
