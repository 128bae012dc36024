/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "judge/evidence.h"
#include "judge/finding.h"

/*
 * What an entered layer's facts say of its isolation, held against those of the layer `below`,
 * which is NULL for layer 0. They are the layer's own claims: one that lies hides what it could do,
 * but can't make another look worse.
 */
void isolation_judge(const struct layer_evidence *l, const struct layer_evidence *below,
                     struct isolation *ret);

/* The second half of it: what of that, and of the layer's other facts, is worth a finding. */
void findings_make(const struct layer_evidence *l, bool layer0, struct isolation *i);

/* `boot_seconds`: how long layer 0 took to serve, else < 0. */
/* `timed`: the guest's clock is right; else what it timed is not told. */
void cost_judge(const struct layer_evidence *l, double boot_seconds, bool timed,
                struct layer_cost *ret);
