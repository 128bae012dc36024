/* SPDX-License-Identifier: Apache-2.0 */
/* What a run that did not come to its end left undone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/record.h"

/* "td-1" of "td-1" and "td-1.2". */
static bool is_attempt_at(const char *id, const char *first)
{
	size_t n = strlen(first);

	return strncmp(id, first, n) == 0 && (id[n] == '\0' || id[n] == '.');
}

int run_record_attempts(const struct run_record *r, const char *boot_id)
{
	int most = 0;

	for (size_t i = 0; i < r->boots; i++) {
		if (is_attempt_at(r->boot[i].boot.id, boot_id) && r->boot[i].attempt > most)
			most = r->boot[i].attempt;
	}
	return most;
}

static bool has_step(const struct boot *b, size_t case_index)
{
	for (size_t i = 0; i < b->steps; i++) {
		if (b->step[i].case_index == case_index)
			return true;
	}
	return false;
}

static bool was_run(const struct boot_record *b, const struct test_case *c)
{
	for (size_t i = 0; i < b->visits; i++) {
		if (strcmp(b->visit[i].cell_id, c->id) == 0)
			return b->visit[i].state != VISIT_NOT_RUN;
	}
	return false;
}

/* By the last boot that was to do it: an earlier one left it to that. */
static bool is_left(const struct run_record *r, const char *boot_id, const struct test_case *c,
                    size_t case_index)
{
	bool left = true;

	for (size_t i = 0; i < r->boots; i++) {
		const struct boot_record *b = &r->boot[i];

		if (is_attempt_at(b->boot.id, boot_id) && has_step(&b->boot, case_index))
			left = !was_run(b, c);
	}
	return left;
}

static int add_left(const struct run_record *r, const struct case_file *cases,
                    const struct boot *from, struct plan *p, struct err *e)
{
	struct boot b = *from;

	b.steps = 0;
	b.step = calloc(from->steps ? from->steps : 1, sizeof(*b.step));
	if (!b.step)
		return err_nomem(e);
	for (size_t i = 0; i < from->steps; i++) {
		size_t index = from->step[i].case_index;

		if (index >= cases->count) {
			free(b.step);
			return err_set(e, -EINVAL,
			               "run.json and cases.yaml do not belong together");
		}
		if (is_left(r, from->id, &cases->item[index], index))
			b.step[b.steps++] = from->step[i];
	}
	if (b.steps)
		p->boot[p->boots++] = b;
	else
		free(b.step);
	return 0;
}

int run_record_left(const struct run_record *r, const struct case_file *cases, struct plan *ret,
                    struct err *e)
{
	struct plan p = {.boot = calloc(r->boots + 1, sizeof(*p.boot))};
	int rc = p.boot ? 0 : err_nomem(e);

	for (size_t i = 0; i < r->boots && rc == 0; i++) {
		if (r->boot[i].attempt == 1)
			rc = add_left(r, cases, &r->boot[i].boot, &p, e);
	}
	if (rc < 0)
		plan_done(&p);
	else
		*ret = p;
	return rc;
}
