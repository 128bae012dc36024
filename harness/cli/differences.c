/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/differences.h"

#include <stdio.h>
#include <string.h>

#include "cli/input.h"
#include "core/enum.h"

void differences_add(struct differences *d, const char *layer, const char *what, const char *before,
                     const char *after, const char *why)
{
	d->count++;
	json_array_append_new(d->list,
	                      json_pack("{s:s, s:s, s:s?, s:s?, s:s?}", "layer", layer, "what",
	                                what, "before", before, "after", after, "why", why));
}

void differences_text(struct differences *d, const char *layer, const char *what, const char *a,
                      const char *b)
{
	if (strcmp(a, b) != 0)
		differences_add(d, layer, what, a[0] ? a : NULL, b[0] ? b : NULL, NULL);
}

static const char *rung_text(const struct rung_result *r, char out[64])
{
	snprintf(out, 64, "%s%s%s",
	         r->ok == RUNG_NULL   ? "null"
	         : r->ok == RUNG_TRUE ? "true"
	                              : "false",
	         r->error[0] ? " " : "", r->error);
	return out;
}

static bool has_finding(const struct layer_verdict *l, const char *name)
{
	for (size_t i = 0; i < l->isolation.findings; i++) {
		if (strcmp(l->isolation.finding[i].name, name) == 0)
			return true;
	}
	return false;
}

static void diff_findings(struct differences *d, const struct layer_verdict *a,
                          const struct layer_verdict *b)
{
	for (size_t i = 0; i < a->isolation.findings; i++) {
		const char *name = a->isolation.finding[i].name;

		differences_text(d, a->id, "finding", name, has_finding(b, name) ? name : "");
	}
	for (size_t i = 0; i < b->isolation.findings; i++) {
		const char *name = b->isolation.finding[i].name;

		differences_text(d, a->id, "finding", has_finding(a, name) ? name : "", name);
	}
}

static void diff_layer(struct differences *d, const struct layer_verdict *a,
                       const struct layer_verdict *b)
{
	char left[64], right[64];

	differences_text(d, a->id, "entered", a->entered ? "yes" : "no", b->entered ? "yes" : "no");
	differences_text(d, a->id, "grade", ENUM_NAME(grade_names, a->grade),
	                 ENUM_NAME(grade_names, b->grade));
	differences_text(d, a->id, "origin", ENUM_NAME(origin_names, a->origin),
	                 ENUM_NAME(origin_names, b->origin));
	differences_text(d, a->id, "kvm", ENUM_NAME(kvm_state_names, a->kvm),
	                 ENUM_NAME(kvm_state_names, b->kvm));
	for (int i = 0; i < RUNG_COUNT; i++)
		differences_text(d, a->id, rung_names[i], rung_text(&a->ladder[i], left),
		                 rung_text(&b->ladder[i], right));
	diff_findings(d, a, b);
}

void differences_cell(struct differences *d, const struct cell_verdict *a,
                      const struct cell_verdict *b, bool layer0)
{
	differences_text(d, a->id, "outcome", ENUM_NAME(outcome_names, a->outcome),
	                 ENUM_NAME(outcome_names, b->outcome));

	differences_text(d, a->id, "platform", ENUM_NAME(platform_names, a->platform),
	                 ENUM_NAME(platform_names, b->platform));
	for (size_t i = 0; i < a->layers && i < b->layers; i++) {
		if (i > 0 || layer0 || a->layers == 1)
			diff_layer(d, &a->layer[i], &b->layer[i]);
	}
}

/* ---- output ---- */

/* A value, or the beginning of a register. */
static void print_value(json_t *value, bool is_register)
{
	const char *text = json_string_value(value);

	if (is_register)
		printf("%.12s..", text ? text : "nothing");
	else
		fputs(text ? text : "none", stdout);
}

static void print_text(const struct differences *d)
{
	json_t *item;
	size_t i;

	json_array_foreach(d->list, i, item)
	{
		const char *why = json_string_value(json_object_get(item, "why"));

		printf("%s: %s: ", json_string_value(json_object_get(item, "layer")),
		       json_string_value(json_object_get(item, "what")));
		print_value(json_object_get(item, "before"), why != NULL);
		fputs(" -> ", stdout);
		print_value(json_object_get(item, "after"), why != NULL);
		printf("%s%s\n", why ? ": " : "", why ? why : "");
	}
}

int differences_print(const struct differences *d, const struct differences *environment, bool json,
                      struct err *e)
{
	if (d->count != json_array_size(d->list) ||
	    environment->count != json_array_size(environment->list))
		return err_nomem(e);
	if (json)
		return json_print(json_pack("{s:b, s:O, s:O}", "differs", d->count > 0,
		                            "differences", d->list, "environment",
		                            environment->list)) < 0
		               ? err_nomem(e)
		               : 0;
	print_text(d);
	if (environment->count)
		puts("\nwhat else differs, and may be why:");
	print_text(environment);
	return 0;
}
