/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cell_evidence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "judge/frames.h"
#include "record/bundle.h"
#include "record/store.h"

static const struct test_case *find_case(const struct case_file *cases, const char *cell)
{
	struct cell wanted;

	if (cell_parse(cell, &wanted, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < cases->count; i++) {
		if (cell_same(&cases->item[i].cell, &wanted))
			return &cases->item[i];
	}
	return NULL;
}

static int find_place(struct cell_evidence *c, struct err *e)
{
	_cleanup_(freep) struct place *place = NULL;
	int r = places_find(&c->run, &c->cases, &place, e);

	if (r < 0)
		return r;
	c->place = place[c->test - c->cases.item];
	return c->place.tried && c->place.visit && c->run.boot[c->place.boot].visits
	               ? 0
	               : err_set(e, -ENOENT, "%.200s: %s was not run: there is no evidence of it",
	                         c->run.dir, c->test->id);
}

static int read_visits(struct cell_evidence *c, struct err *e)
{
	const struct boot_record *b = &c->run.boot[c->place.boot];
	const struct cell layer0 = {.layers = 1, .layer = {b->boot.layer0}};
	int r = store_channel(c->run.dir, b->boot.id, &c->channel, e);

	if (r == 0 && b->visit[0].layers == 1)
		r = visit_evidence_read(&layer0, &b->visit[0], &c->channel, &c->zero, e);
	if (r == 0 && c->place.visit != &b->visit[0])
		r = visit_evidence_read(&c->test->cell, c->place.visit, &c->channel, c->layer, e);
	return r;
}

struct loading {
	struct cell_evidence *c;
	const char *run, *cell; /* as they were named */
};

static int no_cell(const struct loading *l, struct err *e)
{
	bool is_bundle = bundle_is(l->run);

	return err_set(e, -ENOENT, "%.200s has no cell '%.200s'; 'tception %s %.200s%s' shows them",
	               l->run, l->cell, is_bundle ? "report" : "list", l->run,
	               is_bundle ? "" : "/" STORE_CASES);
}

static int load(const char *dir, void *loading, struct err *e)
{
	const struct loading *l = loading;
	struct cell_evidence *c = l->c;
	char path[PATH_MAX];
	int r = path_join(path, dir, STORE_CASES, e);

	if (r == 0)
		r = store_load(dir, &c->run, e);
	if (r == 0)
		r = case_file_load(path, &c->cases, e);
	if (r == 0 && !(c->test = find_case(&c->cases, l->cell)))
		r = no_cell(l, e);
	if (r == 0)
		r = find_place(c, e);
	if (r == 0)
		r = read_visits(c, e);
	if (r == 0)
		r = store_collateral(dir, &c->collateral, &c->collaterals, e);
	return r;
}

int cell_evidence_load(const char *run, const char *cell, struct cell_evidence *ret, struct err *e)
{
	_cleanup_(cell_evidence_done) struct cell_evidence c = {0};
	struct loading l = {&c, run, cell};
	int r = bundle_with(run, load, &l, e);

	if (r == 0)
		r = run_record_place(&c.run, run, e);
	if (r == 0)
		*ret = TAKE(c, (struct cell_evidence){0});
	return r;
}

void cell_evidence_done(struct cell_evidence *c)
{
	for (size_t i = 0; i < CELL_LAYERS_MAX; i++)
		layer_evidence_done(&c->layer[i]);
	layer_evidence_done(&c->zero);
	bytes_free(&c->channel);
	store_collateral_free(c->collateral, c->collaterals);
	case_file_done(&c->cases);
	run_record_done(&c->run);
	*c = (struct cell_evidence){0};
}

const struct layer_evidence *cell_evidence_inner(const struct cell_evidence *c)
{
	size_t layers = c->test->cell.layers;

	return layers > 1 ? &c->layer[layers - 1] : &c->zero;
}

int cell_evidence_piece(const struct cell_evidence *c, enum cell_piece piece, struct bytes *ret,
                        struct err *e)
{
	static const char *const names[] = {"quote", "TDREPORT", "event log"};
	const struct layer_evidence *l = cell_evidence_inner(c);
	const struct blob *log = l->ccel_log.complete ? &l->ccel_log : &c->zero.ccel_log;
	const struct report_evidence *r = piece == CELL_QUOTE      ? layer_quoter(l)
	                                  : piece == CELL_TDREPORT ? layer_report(l, REPORT_IOCTL)
	                                                           : NULL;

	if (piece == CELL_EVENTLOG && log->complete)
		*ret = (struct bytes){log->data, log->size};
	else if (r && r->data && r->size)
		*ret = (struct bytes){r->data, r->size};
	else
		return err_set(e, -ENOENT, "%s gave no %s: 'tception report' says why", c->test->id,
		               names[piece]);
	return 0;
}

static bool put_kernel_log(const struct layer_evidence *l, FILE *out)
{
	struct frame_cursor cursor = {.data = l->bytes, .size = l->size};
	struct frame_view f;
	bool any = false;

	while (l->bytes && frames_next(&cursor, &f)) {
		json_t *o = f.header.type == FRAME_DMESG ? frame_json(&f) : NULL;
		const char *text = member_text(o, "text");

		any = any || (text && *text);
		fputs(text ? text : "", out);
		json_decref(o);
	}
	return any;
}

void cell_evidence_dmesg(const struct cell_evidence *c, FILE *out)
{
	if (!put_kernel_log(cell_evidence_inner(c), out))
		put_kernel_log(&c->zero, out);
}

int cell_evidence_operand(const char *operand, enum cell_piece piece, struct bytes *ret,
                          struct err *e)
{
	_cleanup_(cell_evidence_done) struct cell_evidence c = {0};
	const char *colon = strrchr(operand, ':');
	char dir[PATH_MAX], record[PATH_MAX];
	struct bytes view;
	uint8_t *copy;
	int r;

	if (!colon || access(operand, F_OK) == 0 ||
	    path_format(dir, NULL, "%.*s", (int)(colon - operand), operand) < 0 ||
	    path_join(record, dir, "run.json", NULL) < 0 ||
	    (access(record, F_OK) < 0 && !bundle_is(dir)))
		return 0;
	r = cell_evidence_load(dir, colon + 1, &c, e);
	if (r == 0)
		r = cell_evidence_piece(&c, piece, &view, e);
	if (r < 0)
		return r;
	copy = malloc(view.size + 1);
	if (!copy)
		return err_nomem(e);
	memcpy(copy, view.data, view.size);
	copy[view.size] = 0;
	*ret = (struct bytes){copy, view.size};
	return 1;
}
