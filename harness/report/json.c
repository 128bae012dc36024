/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/enum.h"
#include "core/escape.h"
#include "report/parts.h"
#include "report/report.h"

static json_t *rung_json(enum rung rung, const struct rung_result *r)
{
	json_t *ok = r->ok == RUNG_NULL ? json_null() : json_boolean(r->ok == RUNG_TRUE);

	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "rung", rung_names[rung], "ok", ok, "errno",
	                 text_or_null(r->error), "ms", time_or_null(r->ms), "detail",
	                 text_or_null(r->detail));
}

static json_t *interface_json(const struct interface_result *i)
{
	return json_pack("{s:s, s:b, s:o, s:o, s:o}", "name", i->name, "ok", i->ok, "errno",
	                 text_or_null(i->error), "ms", time_or_null(i->ms), "detail",
	                 text_or_null(i->detail));
}

json_t *layer_json(const struct layer_verdict *l)
{
	json_t *ladder = json_array(), *interfaces = json_array();

	for (int i = 0; i < RUNG_COUNT; i++)
		json_array_append_new(ladder, rung_json((enum rung)i, &l->ladder[i]));
	for (size_t i = 0; i < l->interfaces; i++)
		json_array_append_new(interfaces, interface_json(&l->interface[i]));
	return json_pack("{s:s, s:b, s:o, s:O?, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	                 "id", l->id, "entered", l->entered, "reason", text_or_null(l->reason),
	                 "command", l->command, "grade", ENUM_NAME(grade_names, l->grade), "origin",
	                 ENUM_NAME(origin_names, l->origin), "kvm",
	                 l->kvm == KVM_UNKNOWN ? json_null() : json_string(kvm_state_names[l->kvm]),
	                 "kvm_detail", text_or_null(l->kvm_detail), "ladder", ladder, "interfaces",
	                 interfaces, "isolation", isolation_json(&l->isolation), "findings",
	                 findings_json(&l->isolation), "cost", cost_json(&l->cost), "image",
	                 text_or_null(l->image));
}

static json_t *name_or_null(const char *const names[], int value)
{
	return value < 0 ? json_null() : json_string(names[value]);
}

static json_t *expectation_json(const struct test_case *c)
{
	const struct expectation *x = &c->expect;

	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "entered", x->entered, "grade",
	                 name_or_null(grade_names, x->grade), "rung",
	                 name_or_null(rung_names, x->rung), "errno", text_or_null(x->error), "kvm",
	                 name_or_null(kvm_state_names, x->kvm), "extend", text_or_null(x->extend),
	                 "covers", text_or_null(x->covers), "secret",
	                 name_or_null(secret_state_names, x->secret), "why", c->why);
}

static json_t *rate_or_null(double rate)
{
	return rate < 0 ? json_null() : json_real(round(rate * 1e6) / 1e6);
}

static json_t *clock_json(const struct clock_verdict *c)
{
	return json_pack("{s:s, s:o, s:o}", "state", ENUM_NAME(clock_state_names, c->state), "low",
	                 rate_or_null(c->low), "high", rate_or_null(c->high));
}

json_t *cell_json(const struct judge_input *in, const struct cell_verdict *v)
{
	json_t *layers = json_array();

	for (size_t i = 0; i < v->layers; i++)
		json_array_append_new(layers, layer_json(&v->layer[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "id", v->id, "platform",
	                 ENUM_NAME(platform_names, v->platform), "outcome",
	                 ENUM_NAME(outcome_names, v->outcome), "reason", v->reason, "seconds",
	                 time_or_null(v->seconds), "boot", text_or_null(v->boot_id), "clock",
	                 clock_json(&v->clock), "expected",
	                 expectation_json(&in->cases->item[v->case_index]), "layers", layers);
}

json_t *host_json(const struct host_facts *h)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:{s:b, s:s}, s:{s:b, s:s}}", "qemu",
	                 h->qemu, "qemu_version", h->qemu_version, "kernel", h->kernel, "cpu",
	                 h->cpu, "cpus", (int)h->cpus, "memory_mib", (json_int_t)h->memory_mib,
	                 "kvm", "usable", h->kvm_usable, "reason", h->kvm_reason, "tdx", "usable",
	                 h->tdx_usable, "reason", h->tdx_reason);
}

json_t *boot_json(const struct boot_record *b)
{
	char console[4096];

	text_escape(console, sizeof(console), b->console_tail);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o}", "id",
	                 b->boot.id, "layer0", b->boot.layer0_id, "platform",
	                 ENUM_NAME(platform_names, b->boot.platform), "kernel",
	                 guest_kernel_names[b->boot.kernel], "image",
	                 guest_image_names[b->boot.image], "accel",
	                 b->boot.kvm ? "kvm" : "tcg", "attempt", b->attempt, "ready_seconds",
	                 time_or_null(b->ready_seconds), "seconds", time_or_null(b->seconds),
	                 "reason", text_or_null(b->reason), "console", text_or_null(console));
}

json_t *summary_json(const struct run_verdict *v)
{
	json_t *s = json_object();

	for (size_t i = 0; i < 5; i++)
		json_object_set_new(s, outcome_names[i], json_integer((json_int_t)v->outcome[i]));
	return s;
}

int report_json(const struct judge_input *in, const struct run_verdict *verdict, char **ret,
                struct err *e)
{
	json_t *cells = json_array(), *boots = json_array(), *root;
	char *text;

	for (size_t i = 0; i < verdict->cells; i++)
		json_array_append_new(cells, cell_json(in, &verdict->cell[i]));
	for (size_t i = 0; i < in->run->boots; i++)
		json_array_append_new(boots, boot_json(&in->run->boot[i]));
	root = json_pack("{s:i, s:s, s:I, s:s, s:o, s:o, s:o, s:o, s:o}", "schema_version",
	                 REPORT_SCHEMA_VERSION, "run", in->run->id, "started",
	                 (json_int_t)in->run->started, "platform",
	                 ENUM_NAME(platform_names, verdict->platform), "seconds",
	                 time_or_null(in->run->seconds), "summary", summary_json(verdict), "host",
	                 host_json(&in->run->host), "boots", boots, "cells", cells);
	text = root ? json_dumps(root, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
	json_decref(root);
	if (!text)
		return err_set(e, -ENOMEM, "the result can't be written as JSON");
	*ret = text;
	return 0;
}
