/* SPDX-License-Identifier: Apache-2.0 */
#include "report/parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/enum.h"

json_t *time_or_null(double value)
{
	return value < 0 || !isfinite(value) ? json_null() : json_real(round(value * 1000) / 1000);
}

static json_t *integer_or_null(int64_t value)
{
	return value < 0 ? json_null() : json_integer(value);
}

json_t *findings_json(const struct isolation *i)
{
	json_t *list = json_array();

	for (size_t k = 0; k < i->findings; k++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", i->finding[k].name,
		                                      "detail", i->finding[k].detail));
	return list;
}

static json_t *calls_json(const struct isolation *i)
{
	json_t *object = json_object();

	for (int state = CALL_FILTERED; state < CALL_STATES; state++) {
		json_t *names = json_array();

		for (size_t c = 0; c < CALLS_MAX && call_names[c]; c++) {
			if ((int)i->call[c] == state)
				json_array_append_new(names, json_string(call_names[c]));
		}
		json_object_set_new(object, call_state_names[state], names);
	}
	return object;
}

json_t *isolation_json(const struct isolation *i)
{
	json_t *namespaces = json_object();
	char capabilities[20] = "";

	if (i->has_capabilities)
		snprintf(capabilities, sizeof(capabilities), "%016" PRIx64, i->capabilities);
	for (int n = 0; n < NS_COUNT; n++)
		json_object_set_new(namespaces, layer_ns_names[n],
		                    i->ns[n] == RELATION_UNKNOWN
		                            ? json_null()
		                            : json_string(relation_names[i->ns[n]]));
	return json_pack("{s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "probed", i->probed,
	                 "kernel", relation_names[i->kernel], "release", text_or_null(i->release),
	                 "namespaces", namespaces, "uid0", integer_or_null(i->uid0), "capabilities",
	                 text_or_null(capabilities), "seccomp", integer_or_null(i->seccomp),
	                 "no_new_privs", integer_or_null(i->no_new_privs), "lsm",
	                 text_or_null(i->lsm), "syscalls", calls_json(i));
}

json_t *cost_json(const struct layer_cost *c)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "prepare_ms",
	                 time_or_null(c->prepare_ms), "ready_ms", time_or_null(c->ready_ms),
	                 "syscall_ns", time_or_null(c->syscall_ns), "fault_ns",
	                 time_or_null(c->fault_ns), "memory_kib", time_or_null(c->memory_kib),
	                 "disk_kib", time_or_null(c->disk_kib));
}

void html_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			fprintf(out, "&#%d;", *text);
		else
			fputc(*text, out);
	}
}

const char *expected_text(const struct judge_input *in, const struct cell_verdict *v,
                          char out[EXPECTED_MAX])
{
	const struct expectation *x = &in->cases->item[v->case_index].expect;
	const char *const part[][2] = {
	        {"grade ", x->grade >= 0 ? grade_names[x->grade] : ""},
	        {"first false rung ", x->rung >= 0 ? rung_names[x->rung] : ""},
	        {"errno ", x->error},
	        {"kvm ", x->kvm >= 0 ? kvm_state_names[x->kvm] : ""},
	        {"extend ", x->extend},
	        {"covers ", x->covers},
	        {"secret ", x->secret >= 0 ? secret_state_names[x->secret] : ""},
	};
	size_t used = (size_t)snprintf(out, EXPECTED_MAX, "%s",
	                               x->entered ? "entered" : "not entered");

	for (size_t i = 0; i < COUNT_OF(part) && used < EXPECTED_MAX; i++) {
		if (part[i][1][0])
			used += (size_t)snprintf(out + used, EXPECTED_MAX - used, ", %s%s",
			                         part[i][0], part[i][1]);
	}
	return out;
}
