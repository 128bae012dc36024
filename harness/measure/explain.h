/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "measure/log.h"
#include "measure/predict.h"

/*
 * Three views of each register side by side: what was predicted from the inputs, what the event log
 * replays to, what the quote (or TDREPORT) says; and where they part for the first time.
 */
struct explain_evidence {
	const struct log *log; /* NULL: none */
	bool quoted;           /* the registers below are given */
	uint8_t mrtd[48];
	uint8_t rtmr[4][48];
};

enum explain_state {
	EXPLAIN_SAME,    /* at least two views are there, and all that are there agree */
	EXPLAIN_DIFFERS, /* two of them do not */
	EXPLAIN_OPEN,    /* nothing contradicts, but too little is known to tell */
	EXPLAIN_STATES
};
extern const char *const explain_state_names[EXPLAIN_STATES]; /* "same", "differs", "open" */

struct explain_row {
	char name[8]; /* "MRTD", "RTMR0" ... */
	bool has_predicted, has_replayed, has_quoted;
	uint8_t predicted[48], replayed[48], quoted[48];
	enum explain_state state;
	/* When prediction and log part: at which of the register's events, counted from 0. */
	bool parts;
	unsigned at;
	const struct predicted_event *expected; /* NULL: no further event was foreseen */
	const struct log_event *logged;         /* NULL: the log has no further event */
	char meaning[400];                      /* one line for people */
};

struct explanation {
	struct explain_row row[5]; /* MRTD, RTMR0 to RTMR3; views into prediction and log */
	bool differs;              /* any row does */
};

/* `prediction` may be NULL. */
void explain(const struct prediction *prediction, const struct explain_evidence *evidence,
             struct explanation *ret);

/*
 * Why two boots have different values in a register: the events of their predictions that differ,
 * each with the input it comes from, and whether that input itself is another one. `rtmr` -1 means
 * MRTD. Returns false, and an empty text, when the register is the same or known in neither.
 */
bool predict_diff(const struct prediction *a, const struct prediction *b, int rtmr, char *out,
                  size_t size);
