/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "case/case.h"
#include "core/err.h"
#include "format/bytes.h"
#include "judge/finding.h"
#include "measure/predict.h"
#include "record/record.h"
#include "trust/trust.h"

/*
 * What is said of layers, cells and runs in the end. All texts are printable ASCII: what a guest
 * wrote was escaped on the way in.
 */
#define JUDGE_TEXT_MAX       240 /* bytes, with the NUL */
#define JUDGE_INTERFACES_MAX 8
#define JUDGE_WORDS_MAX      64   /* of a command line */
#define JUDGE_WORD_MAX       1024 /* bytes of one, with the NUL */

enum outcome { OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_XFAIL, OUTCOME_SKIP, OUTCOME_BROKEN };
extern const char *const outcome_names[5]; /* "pass", "fail" ... */

enum rung_state { RUNG_NULL = -1, RUNG_FALSE = 0, RUNG_TRUE = 1 };

struct rung_result {
	enum rung_state ok;
	char error[LAYER_WORD_MAX]; /* errno by name, or "" */
	double ms;                  /* how long it took in the guest; < 0: not measured */
	char detail[JUDGE_TEXT_MAX];
};

/* One TDX interface as the layer tried it, each on its own. */
struct interface_result {
	char name[LAYER_WORD_MAX]; /* "ioctl", "configfs" ... */
	bool ok;
	char error[LAYER_WORD_MAX];
	double ms;
	char detail[JUDGE_TEXT_MAX]; /* the step at which it ended */
};

struct measured {
	bool known;       /* there was a well-formed quote or TDREPORT over our REPORTDATA */
	unsigned version; /* of the quote; 0: a TDREPORT */
	uint8_t svn[16], mrseam[48], mrsignerseam[48], report_data[64];
	uint64_t attributes, xfam;
	uint8_t mrtd[48];
	uint8_t rtmr[4][48];
};

struct layer_verdict {
	char id[CELL_ID_MAX];
	bool entered;
	char reason[JUDGE_TEXT_MAX]; /* why it was not entered, else "" */
	json_t *command;             /* what started it, by the layer below: texts; or NULL */
	enum grade grade;
	enum origin origin;
	enum kvm_state kvm; /* KVM_UNKNOWN: not probed */
	char kvm_detail[JUDGE_TEXT_MAX];
	struct rung_result ladder[RUNG_COUNT];
	struct interface_result interface[JUDGE_INTERFACES_MAX];
	size_t interfaces;
	struct isolation isolation; /* all unknown when it was not entered */
	struct layer_cost cost;
	char image[97];           /* SHA-384 of its files as the layer below measured them, or "" */
	enum secret_state secret; /* what became of the one it was to ask for */
	bool has_key;             /* it named a key for it: the next */
	uint8_t key[HPKE_KEY_SIZE];
	struct measured measured; /* what its quote, or else its TDREPORT, says of the TD */
	/* The layer's own channel bytes of the visit that probed it, or NULL: a view of the boot's
	 * channel, of the run's `kept`, or of those that are owned. */
	const uint8_t *frames;
	size_t frames_size;
	uint8_t *frames_owned;
};

enum clock_state { CLOCK_UNKNOWN, CLOCK_RIGHT, CLOCK_WRONG };
extern const char *const clock_state_names[3]; /* "unknown", "right", "wrong" */

struct clock_verdict { /* judge/clock.h */
	enum clock_state state;
	double low, high; /* the guest's seconds in one of the host's, at least, at most; < 0:
	                     unknown */
};

struct cell_verdict {
	char id[CELL_ID_MAX];
	size_t case_index;
	const char *boot_id; /* the run record's; NULL for a skip */
	enum platform platform;
	enum outcome outcome;
	char reason[2 * JUDGE_TEXT_MAX];
	bool retried; /* an earlier boot of this run broke in it: what passes is flaky */
	double seconds;
	struct clock_verdict clock; /* layer 0's */
	size_t layers;              /* 0 for a skip */
	struct layer_verdict *layer;
};

struct run_verdict {
	enum platform platform; /* of the trust domains; PLATFORM_NONE when there was none */
	struct cell_verdict *cell;
	size_t cells;
	size_t outcome[5]; /* how many of each */
	uint8_t **kept;    /* frames that cells share, or NULL */
	size_t kepts;
};

void layer_verdict_done(struct layer_verdict *v);
/* The verdict on a layer 0, whose frames are a view, for another cell. -ENOMEM. */
int layer_verdict_share(struct layer_verdict *to, const struct layer_verdict *from);
void cell_verdict_done(struct cell_verdict *v);
void run_verdict_done(struct run_verdict *v);

/* The first rung that is false, or -1. */
int layer_first_false(const struct layer_verdict *l);

/*
 * Whether a hardware trust domain was as predicted, by a quote that ends in Intel's root: what its
 * machine's later ones are then held to.
 */
bool run_verdict_confirms(const struct run_verdict *v);

/* 0 all as expected, 1 a verdict differs, 3 something was broken: the verbs' exit code. */
int run_verdict_exit_code(const struct run_verdict *v);
