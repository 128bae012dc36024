/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "cli/input.h"
#include "judge/evidence.h"
#include "judge/place.h"

/* What one cell of a run sent, as it came: nothing is judged. */
struct cell_evidence {
	struct run_record run;
	struct case_file cases;
	const struct test_case *test;
	struct place place;
	struct bytes channel;                         /* the boot's */
	struct layer_evidence layer[CELL_LAYERS_MAX]; /* [0] as it passed the visit on */
	struct layer_evidence zero;                   /* layer 0's own */
	struct bytes *collateral;                     /* the run's files */
	size_t collaterals;
};

/* Of a run's folder or bundle. -ENOENT when it has no such cell, or it was not run. Free with
 * cell_evidence_done(). */
int cell_evidence_load(const char *run, const char *cell, struct cell_evidence *ret, struct err *e);
void cell_evidence_done(struct cell_evidence *c);

/* The cell's innermost layer. */
const struct layer_evidence *cell_evidence_inner(const struct cell_evidence *c);

/* A view of the bytes; the event log is layer 0's where the layer has none. -ENOENT: there are none. */
int cell_evidence_piece(const struct cell_evidence *c, enum cell_piece piece, struct bytes *ret,
                        struct err *e);

/* The innermost layer's kernel log as it sent it; layer 0's where it has none. */
void cell_evidence_dmesg(const struct cell_evidence *c, FILE *out);

/*
 * "DIR:CELL" names a piece of a run's evidence where a file can stand: 1 when `operand` is one, which
 * no file is called; else 0. -errno.
 */
int cell_evidence_operand(const char *operand, enum cell_piece piece, struct bytes *ret,
                          struct err *e);
