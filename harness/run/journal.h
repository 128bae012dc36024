/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "record/record.h"

/*
 * A run's record while the run goes on: what is planned stands in run.json before it is booted, and
 * what was seen before it is told. So a run that is killed leaves a folder that can be judged.
 */

/*
 * Adds a boot that is to come, each of its visits planned with its nonces and VISIT_NOT_RUN.
 * *ret_index: where it is in the record.
 */
int journal_plan(struct run_record *record, const struct case_file *cases, const struct boot *b,
                 int attempt, size_t *ret_index, struct err *e);

/* Says why the boot's visits from `first` on were not made. */
void journal_give_up(struct boot_record *b, size_t first, const char *reason);

/*
 * The boot is over: `b` is taken over and takes the planned one's place. `why`: its visits that
 * were not made are kept with that reason; NULL: another boot makes them.
 */
int journal_close(struct run_record *record, size_t index, struct boot_record *b, const char *why,
                  struct err *e);

/* A boot that goes on now. */
struct live_boot {
	size_t index;
	const struct boot_record *boot;
};
/* Writes run.json: the record, with what the boots that go on have seen so far. */
int journal_save(const struct run_record *record, const struct live_boot *live, size_t count,
                 struct err *e);
