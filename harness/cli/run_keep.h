/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "judge/verdict.h"
#include "run/kept.h"
#include "trust/trust.h"

/* `run --keep-on-failure`: the first boot with a cell that is not as expected stays up. */
struct run_keep {
	unsigned seconds; /* 0: none stays */
	char boot_id[64]; /* the boot that had the first such cell while the run went on, or "" */
	char cell_id[CELL_ID_MAX];
	enum outcome outcome;
	bool asked; /* one stays */
	struct kept_boot boot;
};

/* A cell's verdict, when its visit is over. */
void run_keep_note(struct run_keep *k, const char *boot_id, const struct cell_verdict *v);
/* Whether a boot whose visits are done is that one. */
bool run_keep_wants(struct run_keep *k, const char *boot_id);
/* Says how to go in, and returns when it has ended: by `tception td down`, a signal, or its time. */
void run_keep_wait(struct run_keep *k, struct authority *authority);
