/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "judge/rung.h"

/*
 * Weighs one entered layer's evidence: fills ladder, grade, origin, interfaces and KVM state of
 * `ret`, and `ret_attested`, which points into the evidence. Only memory can fail.
 */
int ladder_climb(const struct ladder_input *in, struct layer_verdict *ret,
                 struct attested *ret_attested, struct err *e);

/* An empty ladder: every rung null, for this reason. */
void ladder_none(struct layer_verdict *v, const char *why);
