/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/verdict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const outcome_names[5] = {
        [OUTCOME_PASS] = "pass", [OUTCOME_FAIL] = "fail",     [OUTCOME_XFAIL] = "xfail",
        [OUTCOME_SKIP] = "skip", [OUTCOME_BROKEN] = "broken",
};

int layer_first_false(const struct layer_verdict *l)
{
	for (int i = 0; i < RUNG_COUNT; i++) {
		if (l->ladder[i].ok == RUNG_FALSE)
			return i;
	}
	return -1;
}

struct finding *isolation_add(struct isolation *i)
{
	struct finding *more;

	if (i->findings == FINDINGS_MAX)
		return NULL;
	more = realloc(i->finding, (i->findings + 1) * sizeof(*more));
	i->short_of_memory = i->short_of_memory || !more;
	if (!more)
		return NULL;
	i->finding = more;
	return memset(&more[i->findings++], 0, sizeof(*more));
}

int isolation_copy(struct isolation *to, const struct isolation *from)
{
	struct finding *copy = malloc((from->findings + 1) * sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (from->findings)
		memcpy(copy, from->finding, from->findings * sizeof(*copy));
	*to = *from;
	to->finding = copy;
	return 0;
}

void isolation_done(struct isolation *i)
{
	free(i->finding);
	i->finding = NULL;
	i->findings = 0;
}

void layer_verdict_done(struct layer_verdict *v)
{
	isolation_done(&v->isolation);
	json_decref(v->command);
	free(v->frames_owned);
	*v = (struct layer_verdict){0};
}

int layer_verdict_share(struct layer_verdict *to, const struct layer_verdict *from)
{
	struct isolation isolation;
	int r = isolation_copy(&isolation, &from->isolation);

	if (r < 0)
		return r;
	*to = *from;
	to->isolation = isolation;
	to->frames_owned = NULL;
	json_incref(to->command);
	return 0;
}

void cell_verdict_done(struct cell_verdict *v)
{
	for (size_t i = 0; i < v->layers; i++)
		layer_verdict_done(&v->layer[i]);
	free(v->layer);
	v->layer = NULL;
	v->layers = 0;
}

void run_verdict_done(struct run_verdict *v)
{
	for (size_t i = 0; i < v->cells; i++)
		cell_verdict_done(&v->cell[i]);
	for (size_t i = 0; i < v->kepts; i++)
		free(v->kept[i]);
	free(v->kept);
	free(v->cell);
	*v = (struct run_verdict){0};
}

bool run_verdict_confirms(const struct run_verdict *v)
{
	for (size_t i = 0; i < v->cells; i++) {
		const struct cell_verdict *c = &v->cell[i];

		if (c->platform == PLATFORM_HARDWARE && c->layers &&
		    c->outcome != OUTCOME_BROKEN &&
		    c->layer[0].ladder[RUNG_CHAIN].ok == RUNG_TRUE &&
		    c->layer[0].ladder[RUNG_PREDICTED].ok == RUNG_TRUE)
			return true;
	}
	return false;
}

int run_verdict_exit_code(const struct run_verdict *v)
{
	if (v->outcome[OUTCOME_FAIL])
		return 1;
	return v->outcome[OUTCOME_BROKEN] || v->cells == 0 ? 3 : 0;
}
