/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "judge/release.h"
#include "record/prediction.h"
#include "record/store.h"
#include "run/predict.h"

/* What a boot is judged by. Points into itself: it stays where it is. */
struct look {
	struct run_record run;
	struct bytes channel, *collateral;
	struct prediction prediction;
	const struct prediction *predicted;
	struct judge_input in;
};

static void look_done(struct look *k)
{
	bytes_free(&k->channel);
	prediction_done(&k->prediction);
	store_collateral_free(k->collateral, k->in.collaterals);
}

static int look_at(const struct live *l, const struct boot_record *boot, struct look *k,
                   struct err *e)
{
	int r;

	k->run = *l->record;
	k->run.boot = (struct boot_record *)boot;
	k->run.boots = 1;
	k->in = (struct judge_input){.run = &k->run,
	                             .cases = l->cases,
	                             .channel = &k->channel,
	                             .prediction = &k->predicted};
	r = store_channel(l->record->dir, boot->boot.id, &k->channel, e);
	if (r < 0)
		return r;
	r = prediction_load(l->record->dir, boot->boot.id, &k->prediction, e);
	if (r == 0)
		k->predicted = &k->prediction;
	return r == -ENOENT ? 0 : r;
}

/* Once for each boot; the run's end does it again. */
static int predict_first(const struct live *l, const struct boot_record *boot, struct err *e)
{
	_cleanup_(prediction_done) struct prediction p = {0};
	struct run_record run = *l->record;
	int r = prediction_load(run.dir, boot->boot.id, &p, e);

	if (r != -ENOENT)
		return r;
	run.boot = (struct boot_record *)boot;
	run.boots = 1;
	return run_predict(&run, l->dumper, e);
}

int live_judge(const struct live *l, const struct boot_record *boot, size_t case_index,
               struct cell_verdict *ret)
{
	_cleanup_(look_done) struct look k = {0};
	struct err e;

	if (l->cases->item[case_index].expect.grade == GRADE_COVERED)
		predict_first(l, boot, &e); /* it can't pass without; why it failed is told at the end */
	return look_at(l, boot, &k, &e) < 0 ? 0 : judge_case(&k.in, case_index, ret, &e) > 0;
}

int live_case(const struct live *l, const struct boot_record *boot, const char *cell_id,
              size_t *step)
{
	while (*step < boot->boot.steps) {
		size_t index = boot->boot.step[(*step)++].case_index;

		if (strcmp(l->cases->item[index].id, cell_id) == 0)
			return (int)index;
	}
	return -1;
}

void live_release(const struct live *l, const struct boot_record *boot, struct release_verdict *ret)
{
	_cleanup_(look_done) struct look k = {0};
	const struct visit_record *visit = &boot->visit[boot->visits - 1];
	size_t step = 0;
	struct err e = {0};
	int r, index = live_case(l, boot, visit->cell_id, &step);

	r = index < 0 ? err_set(&e, -ENOENT, "no such case in this run")
	              : predict_first(l, boot, &e);
	if (r == 0)
		r = look_at(l, boot, &k, &e);
	if (r == 0)
		r = store_collateral(l->record->dir, &k.collateral, &k.in.collaterals, &e);
	k.in.collateral = k.collateral;
	if (r == 0)
		ret->released = release_judge(&k.in, (size_t)index, ret->key, ret->reason);
	else
		snprintf(ret->reason, sizeof(ret->reason), "%.230s", e.text);
}
