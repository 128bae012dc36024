/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_JUDGE_COVERS_H
#define TCEPTION_JUDGE_COVERS_H

#include "judge/rung.h"

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

/*
 * The rung "covers": whether a register identifies this layer. `ret_image` gets the digest in
 * hexadecimal that the layer below measured, or "".
 */
void covers_weigh(const struct covers_input *in, struct rung_result *ret, char ret_image[97]);

#endif
