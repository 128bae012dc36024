/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/bytes.h"
#include "judge/evidence.h"

/*
 * RTMR3, which all layers of a boot share, replayed from what they say that they extended it with.
 * Nothing proves that they told all of it, but a quoted register which equals the replay does.
 */
struct extends {
	uint8_t rtmr3[48];
	size_t count;
};

/* Adds the first `count` of the layer's extends; those that failed changed nothing. */
void extends_add(struct extends *x, const struct layer_evidence *l, size_t count);

/* Adds all layers' extends of a whole visit, outermost first: each layer has done with its own
 * when it enters the next. -ENOMEM. */
int extends_add_visit(struct extends *x, const struct visit_record *v, const struct bytes *channel,
                      struct err *e);

/*
 * One trial of an interface as a result; `quoted` is the RTMR3 that came later with a quote (or
 * TDREPORT, or NULL without either), `replayed` what it should be.
 */
void extends_interface(const struct extend_evidence *trial, const uint8_t *quoted,
                       const struct extends *replayed, struct interface_result *ret);
