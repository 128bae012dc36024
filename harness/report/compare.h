/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "core/err.h"
#include "judge/judge.h"
#include "report/report.h"

/*
 * Layer kinds beside each other, in a plain VM and in a trust domain: whether they attest, with
 * which grants, what isolation they give in return, what they cost. Cells whose stacks differ in
 * grants and axes only are one row; a stack that was not tried has none.
 */
struct compare_run { /* one judged run; both outlive the comparison */
	const struct judge_input *in;
	const struct run_verdict *verdict;
};

/* Of one row and grade: the cell with the lightest grants that reached it or more; NULL: none did. */
struct compare_grants {
	const struct cell_verdict *cell;
	char text[CELL_ID_MAX]; /* "+dev+tsm", "" for none at all */
};

struct compare_cost {
	double median; /* < 0: never measured */
	size_t count;  /* of cells it was measured in */
};
enum { COST_PREPARE, COST_READY, COST_SYSCALL, COST_FAULT, COST_MEMORY, COST_DISK, COST_COUNT };

struct compare_row {
	char stack[CELL_ID_MAX]; /* without grants and axes: "td/docker.privileged" */
	const char *kind;        /* the layers in layer 0, into `stack`; "" for layer 0 itself */
	enum platform platform;  /* of the trust domain; PLATFORM_NONE in a plain VM */
	size_t cells, entered;   /* tried, and come to life */
	const struct cell_verdict
	        *shown; /* highest grade with the lightest grants: what the rest is of */
	struct compare_grants grants[5]; /* by grade */
	struct compare_cost cost[COST_COUNT];
};

struct compare {
	const struct compare_run *run;
	size_t runs;
	bool tcg; /* a machine was emulated: its timings mean nothing by themselves */
	enum platform platform;
	struct compare_row *row; /* kinds in the order of the case files; `vm` before `td` */
	size_t rows;
};

/* Broken and skipped cells show nothing and are left out. -ENOMEM. */
int compare_make(const struct compare_run *run, size_t runs, struct compare *ret, struct err *e);
void compare_done(struct compare *c);

/* Table, Markdown or JSON (schema_version 1, see results/README.md). */
int compare_write(enum report_format format, const struct compare *c, FILE *out, struct err *e);
