/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "judge/rung.h"
#include "measure/predict.h"

/* Rungs that are weighed in a file of their own, <rung>.c. */

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

/*
 * The rung "predicted": whether MRTD and RTMR0 to RTMR2 are what the boot's inputs give. Where one
 * is not, the layer's event log, if it can be read, tells the first event that differs.
 */
void predicted_weigh(const struct prediction *prediction, const uint8_t mrtd[48],
                     const uint8_t rtmr[4][48], const struct blob *log, struct rung_result *ret);

/*
 * What that means for a hardware trust domain. Nothing says that predictions fit machines like this
 * one until they did: `confirmed` is the run in which this machine's first trust domain was as
 * predicted, "" before there was one. Until then the rung is null where it would be false, which
 * lowers no grade, and says both. `authentic`: the registers are of a quote that ends in Intel's root;
 * others confirm nothing.
 */
void predicted_on_hardware(const char *confirmed, bool authentic, struct rung_result *ret);

/*
 * The rung "tcb": what the collateral of the run says about the platform that an authentic quote
 * comes from. True for UpToDate alone; false for any other status, and where there is collateral
 * but none that holds for this quote.
 */
void tcb_weigh(const struct verdict *v, enum platform platform, struct rung_result *ret);

/*
 * What guests/conformance said in a layer: two FACTs, each with its report as it printed it, before
 * the layer's reports and, of the rows that extend RTMRs, after them. The rung "conforms" is false
 * when a row fails, which it names, and null without such a report.
 */
void conforms_weigh(const json_t *fact, const json_t *extend, struct rung_result *ret);
