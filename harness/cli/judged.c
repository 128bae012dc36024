/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/judged.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "record/bundle.h"
#include "record/prediction.h"
#include "record/store.h"
#include "report/report.h"

static int read_channel(void *userdata, size_t boot, struct bytes *ret, struct err *e)
{
	const struct judged *j = userdata;

	return store_channel(j->run.dir, j->run.boot[boot].boot.id, ret, e);
}

/* What was predicted is optional: an older run has none. What is there must be well-formed. */
static int load_predictions(const char *dir, struct judged *j, struct err *e)
{
	j->prediction = calloc(j->run.boots + 1, sizeof(*j->prediction));
	j->predicted = calloc(j->run.boots + 1, sizeof(*j->predicted));
	if (!j->prediction || !j->predicted)
		return err_nomem(e);
	for (size_t i = 0; i < j->run.boots; i++) {
		int r = prediction_load(dir, j->run.boot[i].boot.id, &j->prediction[i], e);

		if (r == 0)
			j->predicted[i] = &j->prediction[i];
		else if (r != -ENOENT)
			return r;
	}
	return 0;
}

/* The record may be older than the case file beside it, or made up. */
static int check_indices(const struct judged *j, struct err *e)
{
	bool good = true;

	for (size_t i = 0; i < j->run.boots; i++) {
		const struct boot *b = &j->run.boot[i].boot;

		for (size_t s = 0; s < b->steps; s++)
			good = good && b->step[s].case_index < j->cases.count;
	}
	for (size_t i = 0; i < j->run.skips; i++)
		good = good && j->run.skip[i].case_index < j->cases.count;
	return good ? 0 : err_set(e, -EINVAL, "run.json and cases.yaml do not belong together");
}

/* `j` is empty, and what it gets is the caller's to free, on failure too. */
static int load(const char *dir, struct judged *j, struct err *e)
{
	char path[PATH_MAX];
	int r = path_join(path, dir, STORE_CASES, e);

	if (r == 0)
		r = store_load(dir, &j->run, e);
	if (r == 0)
		r = case_file_load(path, &j->cases, e);
	if (r == 0)
		r = check_indices(j, e);
	if (r == 0)
		r = load_predictions(dir, j, e);
	if (r == 0)
		r = store_collateral(dir, &j->collateral, &j->in.collaterals, e);
	if (r == 0 && !(j->parts = store_parts(dir)))
		r = err_nomem(e);
	return r;
}

/* While the folder of a bundle is there. */
static int load_and_judge(const char *dir, void *judged, struct err *e)
{
	struct judged *j = judged;
	int r = load(dir, j, e);

	if (r < 0)
		return r;
	j->in.run = &j->run;
	j->in.cases = &j->cases;
	j->in.read_channel = read_channel;
	j->in.userdata = j;
	j->in.prediction = j->predicted;
	j->in.collateral = j->collateral;
	return judge_run(&j->in, &j->verdict, e);
}

int judged_load(const char *run, enum frames_kept frames, struct judged *ret, struct err *e)
{
	_cleanup_(judged_done) struct judged j = {.in.frames = frames};
	int r = bundle_with(run, load_and_judge, &j, e);

	if (r == 0)
		r = run_record_place(&j.run, run, e);
	if (r < 0)
		return r;
	*ret = TAKE(j, (struct judged){0});
	ret->in.userdata = ret;
	ret->in.run = &ret->run;
	ret->in.cases = &ret->cases;
	return 0;
}

void judged_done(struct judged *j)
{
	run_verdict_done(&j->verdict);
	store_collateral_free(j->collateral, j->in.collaterals);
	for (size_t i = 0; j->prediction && i < j->run.boots; i++)
		prediction_done(&j->prediction[i]);
	free(j->prediction);
	free(j->predicted);
	json_decref(j->parts);
	case_file_done(&j->cases);
	run_record_done(&j->run);
	memset(j, 0, sizeof(*j));
}

/* ---- the derived files ---- */

static int save_frames(const char *path, const struct layer_verdict *l, struct err *e)
{
	_cleanup_(file_abandon) struct file_new f = {0};
	int r = file_begin(&f, path, e);

	if (r < 0)
		return r;
	report_frames(l, f.stream);
	return file_commit(&f, e);
}

/* Layer 0's evidence is taken once a boot and belongs to all its cells. */
static bool first_of_boot(const struct judged *j, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (j->verdict.cell[i].boot_id == j->verdict.cell[index].boot_id)
			return false;
	}
	return true;
}

static int save_layer0(const struct judged *j, const struct cell_verdict *v, struct err *e)
{
	char path[PATH_MAX];
	int r = path_format(path, e, "%s/boots/%s/layer0.jsonl", j->run.dir, v->boot_id);

	return r < 0 ? r : save_frames(path, &v->layer[0], e);
}

static int save_layer(const struct judged *j, const struct cell_verdict *v, size_t depth,
                      struct err *e)
{
	char name[CELL_ID_MAX], path[PATH_MAX];
	int r;

	snprintf(name, sizeof(name), "%s", v->id);
	for (char *p = name; (p = strchr(p, '/'));)
		*p = '_';
	r = path_format(path, e, "%s/cells/%02zu-%s", j->run.dir, v->case_index + 1, name);
	if (r == 0)
		r = file_make_dirs(path, 0777, e);
	if (r == 0)
		r = path_format(path, e, "%s/cells/%02zu-%s/layer%zu.jsonl", j->run.dir,
		                v->case_index + 1, name, depth);
	return r < 0 ? r : save_frames(path, &v->layer[depth], e);
}

static int save_cell(const struct judged *j, size_t index, struct err *e)
{
	const struct cell_verdict *v = &j->verdict.cell[index];
	int r = 0;

	if (v->layers && v->layer[0].frames && first_of_boot(j, index))
		r = save_layer0(j, v, e);
	for (size_t i = 1; i < v->layers && r == 0; i++) {
		if (v->layer[i].frames)
			r = save_layer(j, v, i, e);
	}
	return r;
}

int judged_save(const struct judged *j, struct err *e)
{
	_cleanup_(file_abandon) struct file_new f = {0};
	char path[PATH_MAX];
	int r = path_join(path, j->run.dir, "cells", e);

	if (r == 0)
		r = file_make_dirs(path, 0777, e);
	for (size_t i = 0; i < j->verdict.cells && r == 0; i++)
		r = save_cell(j, i, e);
	if (r == 0)
		r = path_join(path, j->run.dir, "result.json", e);
	if (r == 0)
		r = file_begin(&f, path, e);
	if (r == 0)
		r = report_write(REPORT_JSON, &j->in, &j->verdict, f.stream, e);
	return r < 0 ? r : file_commit(&f, e);
}

int judged_show(const char *run, enum report_format format, struct err *e)
{
	_cleanup_(judged_done) struct judged j = {0};
	int r = judged_load(run, format == REPORT_HTML ? FRAMES_LOG : FRAMES_NONE, &j, e);

	return r < 0 ? r : report_write(format, &j.in, &j.verdict, stdout, e);
}

int judged_conclude(const char *run, enum report_format format, bool show, struct err *e)
{
	_cleanup_(judged_done) struct judged j = {0};

	return judged_conclude_in(run, format, show, &j, e);
}

int judged_conclude_in(const char *run, enum report_format format, bool show, struct judged *ret,
                       struct err *e)
{
	int r = judged_load(run, FRAMES_ALL, ret, e);

	if (r == 0 && !bundle_is(run))
		r = judged_save(ret, e);
	if (r == 0 && show)
		r = report_write(format, &ret->in, &ret->verdict, stdout, e);
	return r < 0 ? r : run_verdict_exit_code(&ret->verdict);
}
