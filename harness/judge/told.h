/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "judge/evidence.h"

/* What a layer told and no rung weighs, taken over into its verdict. */

/* Each interface that it tried, on its own. */
void told_interfaces(const struct layer_evidence *l, struct layer_verdict *ret);
/* What KVM is there: the probe's fact, or NULL. */
void told_kvm(const json_t *kvm, struct layer_verdict *ret);
