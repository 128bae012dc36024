/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_JUDGE_EXTENDS_H
#define TCEPTION_JUDGE_EXTENDS_H

#include "format/bytes.h"
#include "judge/evidence.h"

/*
 * Reads an EXTEND frame of the layer `id` in a visit with that nonce. -EINVAL: of another register,
 * or without a digest; -ENOMEM. The caller frees ret->what.
 */
int extend_read(const json_t *o, const uint8_t *nonce, const char *id, struct extend_evidence *ret);

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

/* ---- the rung "covers" ---- */

struct covers_input {
	const struct layer_evidence *layer;
	const struct layer_evidence *below; /* that started it; NULL for layer 0 */
	const char *id;
	bool below_covered;      /* or it is layer 0, whose code RTMR1 and RTMR2 tell */
	const uint8_t *quoted;   /* RTMR3, or NULL: no quote */
	struct extends replayed; /* up to that quote */
	const char *expected;    /* SHA-384 of the layer's files in hexadecimal, or NULL */
	const char *source;      /* of `expected`: "the case file", "the initrd" */
};

/* `ret_image` gets the digest in hexadecimal that the layer below measured, or "". */
void covers_weigh(const struct covers_input *in, struct rung_result *ret, char ret_image[97]);

#endif
