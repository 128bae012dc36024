/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "judge/evidence.h"
#include "judge/verdict.h"

/*
 * From a trust domain to its quote there are many hops: firmware, KVM, QEMU, the guest's driver,
 * the host's quoting service, its PCCS. A known message names the one that failed, and what to do.
 */
struct hop {
	const char *text, *also; /* both stand in the line; `also` may be NULL */
	const char *name;        /* of the hop */
	const char *cause, *remedy;
};

/*
 * The first known line among what QEMU wrote, its warnings left out: they are not causes. NULL when
 * none is known.
 */
const struct hop *hop_of_qemu(const char *complaints);

/*
 * Puts hop, cause and remedy behind what a hardware TD's device and quote rungs say, from what
 * QEMU wrote while it ran (NULL or "": nothing) and from what the layer's kernel said.
 */
void hop_explain(const struct layer_evidence *l, const char *complaints, struct layer_verdict *v);
