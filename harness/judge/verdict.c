/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/verdict.h"

#include <stdlib.h>

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

void layer_verdict_done(struct layer_verdict *v)
{
	json_decref(v->command);
	free(v->frames_owned);
	*v = (struct layer_verdict){0};
}

void layer_verdict_share(struct layer_verdict *to, const struct layer_verdict *from)
{
	*to = *from;
	to->frames_owned = NULL;
	json_incref(to->command);
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
	free(v->cell);
	*v = (struct run_verdict){0};
}

int run_verdict_exit_code(const struct run_verdict *v)
{
	if (v->outcome[OUTCOME_FAIL])
		return 1;
	return v->outcome[OUTCOME_BROKEN] || v->cells == 0 ? 3 : 0;
}
