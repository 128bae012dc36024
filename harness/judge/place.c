/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/place.h"

#include <stdlib.h>
#include <string.h>

static const struct visit_record *find_visit(const struct boot_record *b, const struct test_case *c)
{
	for (size_t i = c->cell.layers == 1 ? 0 : 1; i < b->visits; i++) {
		if (strcmp(b->visit[i].cell_id, c->id) == 0 && b->visit[i].layers == c->cell.layers)
			return &b->visit[i];
	}
	return NULL;
}

static void add_boot(struct place *p, const struct boot_record *b, size_t boot,
                     const struct test_case *c)
{
	const struct visit_record *v = find_visit(b, c);
	bool run = v && v->state != VISIT_NOT_RUN;

	if (run || !p->tried) {
		p->boot = boot;
		p->visit = v;
	}
	p->before = p->before || (run && p->tried);
	p->planned = true;
	p->tried = p->tried || run;
}

int places_find(const struct run_record *run, const struct case_file *cases, struct place **ret,
                struct err *e)
{
	struct place *place = calloc(cases->count + 1, sizeof(*place));

	if (!place)
		return err_nomem(e);
	for (size_t i = 0; i < run->skips; i++) {
		size_t index = run->skip[i].case_index;

		if (index < cases->count && !place[index].skip)
			place[index].skip = &run->skip[i];
	}
	for (size_t i = 0; i < run->boots; i++) {
		const struct boot_record *b = &run->boot[i];

		for (size_t s = 0; s < b->boot.steps; s++) {
			size_t index = b->boot.step[s].case_index;

			if (index < cases->count)
				add_boot(&place[index], b, i, &cases->item[index]);
		}
	}
	*ret = place;
	return 0;
}
