/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/release.h"

#include <stdio.h>
#include <string.h>

bool release_judge(const struct judge_input *in, size_t case_index, uint8_t ret_key[HPKE_KEY_SIZE],
                   char *why)
{
	struct cell_verdict v;
	struct err e = {0};
	int r = judge_case(in, case_index, &v, &e);
	const struct layer_verdict *l;
	bool may = false;

	if (r <= 0) {
		snprintf(why, JUDGE_TEXT_MAX, "%.200s",
		         r < 0 ? e.text : "no such case in this run");
		return false;
	}
	l = v.layers ? &v.layer[v.layers - 1] : NULL;
	may = l && l->secret == SECRET_ASKED && l->ladder[RUNG_SECRET].ok == RUNG_NULL;
	if (may)
		memcpy(ret_key, l->key, HPKE_KEY_SIZE);
	else
		snprintf(why, JUDGE_TEXT_MAX, "%s",
		         l && l->entered ? l->ladder[RUNG_SECRET].detail
		                         : "no evidence of the layer");
	cell_verdict_done(&v);
	return may;
}
