/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <time.h>

#include "format/quote.h"
#include "format/tdreport.h"
#include "judge/evidence.h"
#include "judge/extends.h"
#include "judge/signers.h"

/* What of a layer's evidence could be read; the next layers' is compared with layer 0's. */
struct attested {
	bool has_report; /* a well-formed TDREPORT over our REPORTDATA */
	struct tdreport report;
	bool has_quote; /* a well-formed TDX quote, its views pointing into the evidence */
	struct quote quote;
	bool has_log; /* an event log that could be replayed */
	uint8_t log_rtmr[TDX_RTMR_COUNT][TDX_DIGEST_SIZE];
	size_t log_events;
};

/* What the rungs of a layer's ladder are weighed by. */
struct ladder_input {
	const struct layer_evidence *evidence;
	const struct attested *layer0; /* NULL when this is layer 0 */
	enum platform platform;        /* of the boot */
	bool found;                    /* layer 0 is not ours: nobody said what it has to be */
	const struct layer *td;        /* the boot's layer 0, where we made it; or NULL */
	struct signers *signers;
	bool has_collateral;
	const struct prediction *prediction; /* of the boot, or NULL */
	const char *confirmed; /* struct run_record */
	const struct layer_evidence *below; /* the layer that started this one, in this visit */
	bool below_covered;
	struct extends extends; /* of RTMR3, by other layers before this one's reports */
	const char *image;      /* what it should be, from the case file; or NULL */
	bool plain_container; /* it has the agent and nothing else in it: the prediction's image */
	time_t at;
};

/* A rung without errno and latency; formatted like printf. */
void rung_set(struct rung_result *r, enum rung_state ok, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
