/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/told.h"

#include <stdio.h>

#include "core/enum.h"
#include "core/escape.h"
#include "judge/frames.h"

void told_interfaces(const struct layer_evidence *l, struct layer_verdict *ret)
{
	for (size_t i = 0; i < l->reports && i < JUDGE_INTERFACES_MAX; i++) {
		const struct report_evidence *r = &l->report[i];
		struct interface_result *to = &ret->interface[ret->interfaces++];

		snprintf(to->name, sizeof(to->name), "%s", r->name);
		snprintf(to->error, sizeof(to->error), "%s", r->error);
		to->ok = r->ok && r->size > 0;
		to->ms = r->ms;
		snprintf(to->detail, sizeof(to->detail), "%s%s%s", r->step,
		         r->kernel[0] ? "; kernel: " : "", r->kernel);
	}
}

void told_kvm(const json_t *kvm, struct layer_verdict *ret)
{
	const char *state = member_text(kvm, "state");
	const char *error = member_errno(kvm, "errno");
	char step[60], detail[120];
	int known = state ? ENUM_FIND(kvm_state_names, state) : -1;

	ret->kvm = known < 0 ? KVM_UNKNOWN : (enum kvm_state)known;
	text_escape(step, sizeof(step), member_text(kvm, "step"));
	text_escape(detail, sizeof(detail), member_text(kvm, "detail"));
	snprintf(ret->kvm_detail, sizeof(ret->kvm_detail), "%s%s%s%s%s", step,
	         step[0] && detail[0] ? ": " : "", detail, *error ? " " : "", error);
}
