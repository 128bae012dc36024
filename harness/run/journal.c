/* SPDX-License-Identifier: Apache-2.0 */
#include "run/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "record/store.h"
#include "run/visit.h"

static int add_visit(struct boot_record *b, const struct cell *cell, size_t layers, bool secret,
                     struct err *e)
{
	struct visit_record *v = reallocarray(b->visit, b->visits + 1, sizeof(*v));
	int r;

	if (!v)
		return err_nomem(e);
	b->visit = v;
	r = visit_plan(cell, layers, &v[b->visits], e);
	if (r == 0)
		v[b->visits].secret.wanted = secret;
	b->visits += r == 0;
	return r;
}

static int plan_visits(struct boot_record *b, const struct case_file *cases, struct err *e)
{
	struct cell layer0 = {.layers = 1, .layer = {b->boot.layer0}};
	bool secret = false; /* for layer 0 itself */
	int r;

	for (size_t i = 0; i < b->boot.steps; i++) {
		const struct test_case *c = &cases->item[b->boot.step[i].case_index];

		secret |= c->cell.layers == 1 && c->expect.secret >= 0;
	}
	r = add_visit(b, &layer0, 1, secret, e);
	for (size_t i = 0; i < b->boot.steps && r == 0; i++) {
		const struct test_case *c = &cases->item[b->boot.step[i].case_index];

		if (c->cell.layers > 1)
			r = add_visit(b, &c->cell, c->cell.layers, c->expect.secret >= 0, e);
	}
	return r;
}

int journal_plan(struct run_record *record, const struct case_file *cases, const struct boot *b,
                 int attempt, size_t *ret_index, struct err *e)
{
	struct boot_record r = {.attempt = attempt, .ready_seconds = -1};
	struct boot_record *boot = reallocarray(record->boot, record->boots + 1, sizeof(*boot));
	int code;

	if (!boot)
		return err_nomem(e);
	record->boot = boot;
	code = boot_record_plan(&r, b, e);
	if (code == 0)
		code = plan_visits(&r, cases, e);
	if (code < 0) {
		boot_record_done(&r);
		return code;
	}
	*ret_index = record->boots;
	boot[record->boots++] = r;
	return 0;
}

void journal_give_up(struct boot_record *b, size_t first, const char *reason)
{
	for (size_t i = first; i < b->visits; i++)
		snprintf(b->visit[i].reason, sizeof(b->visit[i].reason), "%s", reason);
}

/* What was seen of a boot's visits, and behind it those that are still planned. */
static struct visit_record *join(const struct boot_record *seen, const struct boot_record *planned)
{
	struct visit_record *v = calloc(planned->visits, sizeof(*v));

	if (!v)
		return NULL;
	memcpy(v, planned->visit, planned->visits * sizeof(*v));
	if (seen->visits)
		memcpy(v, seen->visit, seen->visits * sizeof(*v));
	return v;
}

int journal_close(struct run_record *record, size_t index, struct boot_record *b, const char *why,
                  struct err *e)
{
	struct boot_record *planned = &record->boot[index];
	struct visit_record *all;

	if (why) {
		journal_give_up(planned, b->visits, why);
		all = join(b, planned);
		if (!all)
			return err_nomem(e);
		free(b->visit);
		b->visit = all;
		b->visits = planned->visits;
	}
	boot_record_done(planned);
	*planned = *b;
	*b = (struct boot_record){0};
	return 0;
}

int journal_save(const struct run_record *record, const struct live_boot *live, size_t count,
                 struct err *e)
{
	_cleanup_(freep) struct boot_record *boot = calloc(record->boots + 1, sizeof(*boot));
	struct run_record now = *record;
	int r = boot ? 0 : err_nomem(e);

	if (r < 0)
		return r;
	if (record->boots)
		memcpy(boot, record->boot, record->boots * sizeof(*boot));
	now.boot = boot;
	for (size_t i = 0; i < count; i++) {
		const struct boot_record *planned = &record->boot[live[i].index];

		boot[live[i].index] = *live[i].boot;
		boot[live[i].index].visits = planned->visits;
		boot[live[i].index].visit = join(live[i].boot, planned);
		if (!boot[live[i].index].visit)
			r = err_nomem(e);
	}
	if (r == 0)
		r = store_save(&now, e);
	for (size_t i = 0; i < count; i++)
		free(boot[live[i].index].visit);
	return r;
}
