/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "case/case.h"
#include "judge/verdict.h"
#include "run/release.h"

/* A run that is going on, as far as its folder goes. */
struct live {
	const struct case_file *cases;
	const struct run_record *record; /* its folder, root certificate and time */
	const char *dumper;              /* fwcfg.efi, for predictions */
};

/*
 * The verdict on a case of a boot: 1, or 0 where it can't be told yet. What only the whole run shows,
 * and predictions that were not needed yet, are left out. A case that is to be covered needs one: the
 * boot's registers are predicted first.
 */
int live_judge(const struct live *l, const struct boot_record *boot, size_t case_index,
               struct cell_verdict *ret);

/*
 * Whether the layer that asks may have its secret, by the same judge as at the end (judge/secret.h):
 * the boot's registers are predicted first, and the run's collateral is looked at.
 */
void live_release(const struct live *l, const struct boot_record *boot,
                  struct release_verdict *ret);

/* The next case of the boot's steps, from *step on, that is this cell; -1: there is none. */
int live_case(const struct live *l, const struct boot_record *boot, const char *cell_id,
              size_t *step);
