/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/weigh.h"

#include <stdio.h>
#include <string.h>

/* As many as fit, then how many more there are. */
static void list_advisories(const struct verdict *v, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < v->launch.advisories; i++) {
		if (used + strlen(v->launch.advisory[i]) + sizeof(", and 99 more") > size) {
			snprintf(out + used, size - used, " and %zu more",
			         v->launch.advisories - i);
			return;
		}
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "; ",
		                         v->launch.advisory[i]);
	}
}

void tcb_weigh(const struct verdict *v, enum platform platform, struct rung_result *ret)
{
	const char *whose = platform == PLATFORM_EMULATED ? "EMULATED platform: " : "";
	char advisories[100];

	*ret = (struct rung_result){.ok = RUNG_FALSE, .ms = -1};
	if (v->status == TCB_NOT_EVALUATED) {
		snprintf(ret->detail, sizeof(ret->detail), "%sno status: %.180s", whose, v->reason);
		return;
	}
	ret->ok = v->status == TCB_UP_TO_DATE ? RUNG_TRUE : RUNG_FALSE;
	list_advisories(v, advisories, sizeof(advisories));
	snprintf(ret->detail, sizeof(ret->detail),
	         "%s%s (platform %s, module %s, QE %s), TCB of %.10s, evaluation %u%s", whose,
	         tcb_status_names[v->status], tcb_status_names[v->launch.platform],
	         tcb_status_names[v->launch.module], tcb_status_names[v->launch.qe],
	         v->launch.date[0] ? v->launch.date : "no date", v->tcb_evaluation, advisories);
}
