/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/hpke.h"
#include "format/sha2.h"
#include "plan/plan.h"

/*
 * What a run did, as the harness saw it: kept in results/<run>/run.json beside the raw bytes,
 * written by run/, read again by the judge. Nothing here comes from a guest except `console_tail`,
 * which is text for people, escaped where printed, and never a verdict.
 *
 * Raw bytes: results/<run>/boots/<boot id>/channel.bin (everything that came from the guest on the
 * evidence channel, before parsing), console.log, qemu.log, module.log (tdxemu's). The case file's
 * copy is results/<run>/cases.yaml, so that a run can be judged again on its own; a step's
 * `case_index` counts its cases.
 */
#define RECORD_SCHEMA 1
#define NONCE_SIZE    32

enum visit_state {
	VISIT_DONE,    /* the agent said DONE */
	VISIT_TIMEOUT, /* the host-side deadline passed */
	VISIT_DIED,    /* QEMU ended, or the guest did */
	VISIT_GARBAGE, /* the channel carried something that is no frame */
	VISIT_FLOOD,   /* more bytes than a visit may send */
	VISIT_NOT_RUN, /* planned, and the boot never got this far */
};
extern const char *const visit_state_names[6]; /* "done", "timeout" ... */

/*
 * Bytes of channel.bin as they were written: those since the end of the visit before (or since the
 * channel opened). Not known in folders from before 2026-12.
 */
struct evidence_digest {
	bool known;
	uint64_t size;
	uint8_t sha256[SHA256_SIZE];
};

/*
 * What the harness answered a layer that asked for a secret. The secret itself is not kept: `proof`
 * is what a layer says that has it (format/hpke.h).
 */
struct secret_record {
	bool wanted;      /* the innermost layer is to ask for one */
	bool answered;    /* it asked */
	bool released;    /* it was sent */
	char reason[240]; /* why not, or "" */
	uint8_t proof[SECRET_PROOF_SIZE];
};

struct visit_record {
	char cell_id[CELL_ID_MAX]; /* whole cell; layer 0's own visit has just layer 0's ID */
	size_t layers;
	uint8_t nonce[CELL_LAYERS_MAX]
	             [NONCE_SIZE]; /* minted by the harness; [0] unused unless probe0 */
	bool probe0;               /* layer 0 probes itself in this visit */
	uint64_t begin;            /* bytes of channel.bin before this visit was sent */
	uint64_t end;              /* bytes of channel.bin when it was over */
	struct evidence_digest evidence; /* up to `end` */
	double seconds;
	enum visit_state state;
	char reason[200]; /* "" when done */
	struct secret_record secret;
};

/*
 * What layer 0's clock said, by the CLOCK frame at byte `at` of channel.bin, was so at some instant
 * between these two of the host's CLOCK_MONOTONIC.
 */
#define CLOCKS_MAX 1000 /* of a boot */
struct clock_reading {
	uint64_t asked_us, answered_us;
	uint64_t at;
};

struct boot_record {
	struct boot boot;
	int attempt;          /* 1; 2 when a boot was given up and its rest repeated */
	char **argv;          /* QEMU's, NULL-terminated */
	double ready_seconds; /* QEMU's start to the agent's first byte; < 0: never */
	double seconds;
	char reason[200];           /* "" or why the boot ended early */
	char *console_tail;         /* last lines of the console */
	char *qemu_said;            /* last lines of what QEMU itself wrote; NULL before its end */
	struct visit_record *visit; /* visit[0] is layer 0's own, then the cells in the order run */
	size_t visits;
	struct clock_reading *clock; /* one before each visit and one at the end */
	size_t clocks;
	struct evidence_digest tail; /* after the last visit, once the boot is over */
};

struct run_record {
	char *id; /* folder name: UTC time and a random part */
	char *dir;
	char **command;  /* what `tception run` was called with, NULL-terminated; or NULL: not known */
	char *directory; /* where it was called; or NULL */
	bool ended;      /* false: it goes on, or was killed */
	int64_t started; /* seconds since 1970, UTC: the time at which certificates must be valid */
	struct host_facts host;
	double seconds;
	char confirmed[64]; /* the run that first confirmed a prediction on this machine, or "" */
	char *root_pem; /* certificate of the test root that signed emulated quotes, or NULL */
	struct boot_record *boot;
	size_t boots;
	struct skip *skip;
	size_t skips;
	struct shard shard; /* all zeros for a run of its own */
};

/*
 * What a run that was killed or interrupted left undone: its boots with the steps that are left, by
 * the IDs of their first attempts. Free with plan_done().
 */
int run_record_left(const struct run_record *r, const struct case_file *cases, struct plan *ret,
                    struct err *e);
/* How many attempts there are at the boot of that ID: "td-1" and, if it is there, "td-1.2" ... */
int run_record_attempts(const struct run_record *r, const char *boot_id);

/* Where the run is from now on: `dir` is copied. */
int run_record_place(struct run_record *r, const char *dir, struct err *e);
/* Copies the plan's boot into a record, its steps included. */
int boot_record_plan(struct boot_record *r, const struct boot *b, struct err *e);
/* Room for one more visit, behind the last: `visits` does not count it yet. NULL: -ENOMEM. */
struct visit_record *boot_record_next_visit(struct boot_record *r, struct err *e);
void boot_record_done(struct boot_record *b);
void run_record_done(struct run_record *r);
