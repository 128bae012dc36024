/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "format/bytes.h"
#include "format/frame.h"
#include "judge/extend.h"
#include "judge/verdict.h"
#include "trust/cloud.h"

/*
 * What the layers of one visit said, taken apart: layer 0's frames, and inside their RELAY frames
 * the bytes of layer 1, and so on. Still only claims; judge/ladder.h weighs them.
 *
 * A layer's `problem` is the first thing that makes its evidence incomplete or contradictory (a cut
 * frame, a gap in the numbering, another visit's nonce, a missing DONE ...): the cell is `broken`.
 */
#define REPORTS_MAX 4
struct report_evidence {            /* one REPORT frame */
	char name[LAYER_WORD_MAX];  /* as the layer wrote it, escaped */
	int interface;              /* enum report_interface, or 0 for a name not known */
	bool ok;                    /* the layer's claim */
	char step[40];              /* where it ended */
	char error[LAYER_WORD_MAX]; /* errno by name, or "" */
	char provider[40];          /* configfs: what `provider` read as; "" for none */
	char kernel[120];           /* the last line the kernel logged meanwhile; escaped */
	double ms;                  /* < 0: not measured */
	bool generations;           /* the two counters below were reported */
	json_int_t generation[2];   /* configfs: before and after */
	uint8_t *data;              /* TDREPORT or quote; NULL without */
	size_t size;
	uint8_t expected[64]; /* the REPORTDATA it must have */
	size_t extends;       /* of the layer before it */
};

#define EXTENDS_MAX 4 /* of a layer in a visit: two probes, a launch, its key */

struct blob {
	bool begun, complete;
	uint8_t *data;
	size_t size;
	char error[LAYER_WORD_MAX]; /* errno by name where it could not be read, or "" */
};

struct layer_evidence {
	/* How the layer below started it; layer 0 has none of this. */
	bool entering, left;        /* ENTER, LEFT seen */
	json_int_t child;           /* its tag in the frames of the layer below */
	json_t *command;            /* ENTER's argv: an array of escaped texts; or NULL */
	uint8_t config[48];         /* launch_config_add() of ENTER's argv */
	bool started, timeout;      /* from LEFT */
	char end[JUDGE_TEXT_MAX];   /* from LEFT: step, reason, exit status; escaped */
	bool told;                  /* `end` has the reason in words */
	char words[JUDGE_TEXT_MAX]; /* the last line of its stderr or console; escaped */
	double prepare_ms, ready_ms, memory_kib, disk_kib; /* from LEFT; < 0: not measured */
	double below_uptime_ms; /* the kernel's of the layer below, from ENTER; < 0: not told */

	/* What it said itself. */
	const uint8_t *bytes; /* its channel, for layer 0 a view into channel.bin */
	size_t size;
	uint8_t *owned; /* the same, where it was put together from RELAY frames */
	size_t capacity;
	bool hello, done;
	bool tiny;                    /* the minimal nested guest: it has nothing to probe with */
	char kernel[80], boot_id[40]; /* of its kernel, from HELLO; escaped; "" without */
	double uptime_ms;             /* its kernel's, from HELLO; < 0: not told */
	bool guest_detected; /* its kernel found that it is a trust domain's */
	json_t *devices, *kvm, *tsm;
	json_t *confinement, *isolation, *syscalls, *reach, *entry, *cost; /* NULL without */
	json_t *conformance, *conformance_extend; /* NULL without */
	json_t *key;            /* that a secret is sealed to; NULL without */
	uint8_t key_digest[32]; /* of the frame that names it */
	bool asks;              /* for a secret */
	json_t *proof; /* that it has it; NULL without */
	bool has_vtpm; /* a vTPM's evidence came: the next, of views into `vtpm_parts` */
	struct azure_evidence vtpm;
	struct cloud_parts vtpm_parts;
	struct report_evidence report[REPORTS_MAX];
	size_t reports;
	struct extend_evidence extend[EXTENDS_MAX];
	size_t extends;
	struct blob ccel_log;
	char problem[JUDGE_TEXT_MAX];
};

/*
 * Reads visit `v` of a boot's channel into ret[0 .. v->layers - 1]. Only memory can fail; whatever
 * was read is to be freed by layer_evidence_done in either case.
 */
int visit_evidence_read(const struct cell *cell, const struct visit_record *v,
                        const struct bytes *channel, struct layer_evidence *ret, struct err *e);
void layer_evidence_done(struct layer_evidence *l);

const struct report_evidence *layer_report(const struct layer_evidence *l,
                                           enum report_interface interface);
/* The interface that is to give the quote: the first that did, else configfs; NULL: it is not there. */
const struct report_evidence *layer_quoter(const struct layer_evidence *l);
