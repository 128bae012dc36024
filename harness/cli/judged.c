/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/judged.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "record/prediction.h"
#include "record/store.h"
#include "report/report.h"

static int load_channels(const char *dir, struct judged *j, struct err *e)
{
	j->channel = calloc(j->run.boots + 1, sizeof(*j->channel));
	if (!j->channel)
		return err_nomem(e);
	for (size_t i = 0; i < j->run.boots; i++) {
		int r = store_channel(dir, j->run.boot[i].boot.id, &j->channel[i], e);

		if (r < 0)
			return r;
	}
	return 0;
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

int judged_load(const char *dir, struct judged *ret, struct err *e)
{
	char path[PATH_MAX];
	int r;

	memset(ret, 0, sizeof(*ret));
	if (snprintf(path, sizeof(path), "%s/cases.yaml", dir) >= (int)sizeof(path))
		return err_set(e, -ENAMETOOLONG, "%s", dir);
	r = store_load(dir, &ret->run, e);
	if (r == 0)
		r = case_file_load(path, &ret->cases, e);
	if (r == 0)
		r = check_indices(ret, e);
	if (r == 0)
		r = load_channels(dir, ret, e);
	if (r == 0)
		r = load_predictions(dir, ret, e);
	if (r == 0)
		r = store_collateral(dir, &ret->collateral, &ret->in.collaterals, e);
	ret->in.run = &ret->run;
	ret->in.cases = &ret->cases;
	ret->in.channel = ret->channel;
	ret->in.prediction = ret->predicted;
	ret->in.collateral = ret->collateral;
	if (r == 0)
		r = judge_run(&ret->in, &ret->verdict, e);
	if (r < 0)
		judged_done(ret);
	return r;
}

void judged_done(struct judged *j)
{
	run_verdict_done(&j->verdict);
	for (size_t i = 0; j->channel && i < j->run.boots; i++)
		free((void *)j->channel[i].data);
	free(j->channel);
	store_collateral_free(j->collateral, j->in.collaterals);
	for (size_t i = 0; j->prediction && i < j->run.boots; i++)
		prediction_done(&j->prediction[i]);
	free(j->prediction);
	free(j->predicted);
	case_file_done(&j->cases);
	run_record_done(&j->run);
	memset(j, 0, sizeof(*j));
}

/* ---- the derived files ------------------------------------------------------------------------
 */
/* Opens PATH.new; close_new gives it its name, so that a file is there whole or not at all. */
static FILE *open_new(const char *path, char temporary[PATH_MAX], struct err *e)
{
	FILE *f = NULL;

	if (snprintf(temporary, PATH_MAX, "%s.new", path) >= PATH_MAX) {
		err_set(e, -ENAMETOOLONG, "%s", path);
		return NULL;
	}
	f = fopen(temporary, "we");
	if (!f)
		err_sys(e, -errno, "%s", temporary);
	return f;
}

static int close_new(FILE *f, const char *temporary, const char *path, struct err *e)
{
	bool good = fflush(f) == 0 && !ferror(f);

	good = fclose(f) == 0 && good;
	if (good && rename(temporary, path) == 0)
		return 0;
	unlink(temporary);
	return err_sys(e, -EIO, "%s", path);
}

static int save_frames(const char *path, const struct layer_verdict *l, struct err *e)
{
	char temporary[PATH_MAX];
	FILE *f = open_new(path, temporary, e);

	if (!f)
		return e ? e->code : -EIO;
	report_frames(l, f);
	return close_new(f, temporary, path, e);
}

static int make_dir(const char *path, struct err *e)
{
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "%s", path);
	return 0;
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

static int save_cell(const struct judged *j, size_t index, struct err *e)
{
	const struct cell_verdict *v = &j->verdict.cell[index];
	const char *dir = j->run.dir;
	char folder[PATH_MAX], path[PATH_MAX + 32];
	int n, r = 0;

	n = snprintf(folder, sizeof(folder), "%s/cells/%02zu-%s", dir, v->case_index + 1, v->id);
	if (n >= (int)sizeof(folder))
		return err_set(e, -ENAMETOOLONG, "%s", dir);
	for (char *p = folder + strlen(dir) + strlen("/cells/"); *p; p++) {
		if (*p == '/')
			*p = '_';
	}
	for (size_t i = 0; i < v->layers && r == 0; i++) {
		if (!v->layer[i].frames || (i == 0 && !first_of_boot(j, index)))
			continue;
		if (i == 0) {
			snprintf(path, sizeof(path), "%s/boots/%s/layer0.jsonl", dir, v->boot_id);
		} else {
			r = make_dir(folder, e);
			snprintf(path, sizeof(path), "%s/layer%zu.jsonl", folder, i);
		}
		if (r == 0)
			r = save_frames(path, &v->layer[i], e);
	}
	return r;
}

int judged_save(const struct judged *j, struct err *e)
{
	_cleanup_(freep) char *json = NULL;
	char path[PATH_MAX], temporary[PATH_MAX];
	FILE *f;
	int r;

	if (snprintf(path, sizeof(path), "%s/cells", j->run.dir) >= (int)sizeof(path) - 16)
		return err_set(e, -ENAMETOOLONG, "%s", j->run.dir);
	r = make_dir(path, e);
	for (size_t i = 0; i < j->verdict.cells && r == 0; i++)
		r = save_cell(j, i, e);
	if (r == 0)
		r = report_json(&j->in, &j->verdict, &json, e);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/result.json", j->run.dir);
	f = open_new(path, temporary, e);
	if (!f)
		return e ? e->code : -EIO;
	fprintf(f, "%s\n", json);
	return close_new(f, temporary, path, e);
}
