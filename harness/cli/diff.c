/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/judged.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/enum.h"
#include "format/text.h"
#include "measure/explain.h"

struct options {
	const char *dir[2];
	bool registers, json;
};

/* What was found: {"layer", "what", "before", "after", "why"} each; null where there is nothing. */
struct differences {
	json_t *list;
	size_t count; /* also of those that memory was too short for */
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	return o->dir[1] ? 0 : err_set(e, -EINVAL, "the folders of two runs are needed");
}

static void add(struct differences *d, const char *layer, const char *what, const char *before,
                const char *after, const char *why)
{
	d->count++;
	json_array_append_new(d->list,
	                      json_pack("{s:s, s:s, s:s?, s:s?, s:s?}", "layer", layer, "what",
	                                what, "before", before, "after", after, "why", why));
}

static void differs(struct differences *d, const char *layer, const char *what, const char *a,
                    const char *b)
{
	if (strcmp(a, b) != 0)
		add(d, layer, what, a[0] ? a : NULL, b[0] ? b : NULL, NULL);
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

		differs(d, a->id, "finding", name, has_finding(b, name) ? name : "");
	}
	for (size_t i = 0; i < b->isolation.findings; i++) {
		const char *name = b->isolation.finding[i].name;

		differs(d, a->id, "finding", has_finding(a, name) ? name : "", name);
	}
}

static void diff_layer(struct differences *d, const struct layer_verdict *a,
                       const struct layer_verdict *b)
{
	char left[64], right[64];

	differs(d, a->id, "entered", a->entered ? "yes" : "no", b->entered ? "yes" : "no");
	differs(d, a->id, "grade", ENUM_NAME(grade_names, a->grade),
	        ENUM_NAME(grade_names, b->grade));
	differs(d, a->id, "origin", ENUM_NAME(origin_names, a->origin),
	        ENUM_NAME(origin_names, b->origin));
	differs(d, a->id, "kvm", ENUM_NAME(kvm_state_names, a->kvm),
	        ENUM_NAME(kvm_state_names, b->kvm));
	for (int i = 0; i < RUNG_COUNT; i++)
		differs(d, a->id, rung_names[i], rung_text(&a->ladder[i], left),
		        rung_text(&b->ladder[i], right));
	diff_findings(d, a, b);
}

static void diff_cell(struct differences *d, const struct cell_verdict *a,
                      const struct cell_verdict *b)
{
	differs(d, a->id, "outcome", ENUM_NAME(outcome_names, a->outcome),
	        ENUM_NAME(outcome_names, b->outcome));

	differs(d, a->id, "platform", ENUM_NAME(platform_names, a->platform),
	        ENUM_NAME(platform_names, b->platform));
	for (size_t i = 0; i < a->layers && i < b->layers; i++) {
		/* Layer 0 is told once, by its own cell where there is one. */
		if (i > 0 || a->layers == 1)
			diff_layer(d, &a->layer[i], &b->layer[i]);
	}
}

/* What the boot of a cell was predicted to measure, or NULL. */
static const struct prediction *prediction_of(const struct judged *j, const struct cell_verdict *v)
{
	for (size_t i = 0; v->boot_id && i < j->run.boots; i++) {
		if (strcmp(j->run.boot[i].boot.id, v->boot_id) == 0)
			return j->predicted[i];
	}
	return NULL;
}

static const struct cell_verdict *find_cell(const struct run_verdict *v, const char *id)
{
	for (size_t i = 0; i < v->cells; i++) {
		if (strcmp(v->cell[i].id, id) == 0)
			return &v->cell[i];
	}
	return NULL;
}

static bool explained(const struct judged *a, const struct cell_verdict *x, const struct judged *b,
                      const struct cell_verdict *y, int rtmr, char why[600])
{
	const struct prediction *p = prediction_of(a, x), *q = prediction_of(b, y);

	return p && q && predict_diff(p, q, rtmr, why, 600);
}

/* What the trust domain below a cell measured: by its quote or TDREPORT, told once a boot. */
static void diff_registers(struct differences *d, const struct judged *a,
                           const struct cell_verdict *x, const struct judged *b,
                           const struct cell_verdict *y)
{
	static const char *const names[] = {"MRTD", "RTMR0", "RTMR1", "RTMR2", "RTMR3"};
	const struct measured *m = &x->layer[0].measured, *n = &y->layer[0].measured;
	char why[600], from[HEX_ENCODED_SIZE(48)], to[HEX_ENCODED_SIZE(48)];

	for (int i = 0; i < 5 && (m->known || n->known); i++) {
		const uint8_t *left = i ? m->rtmr[i - 1] : m->mrtd;
		const uint8_t *right = i ? n->rtmr[i - 1] : n->mrtd;

		if (m->known && n->known && memcmp(left, right, 48) == 0)
			continue;
		hex_encode(left, 48, from);
		hex_encode(right, 48, to);
		add(d, x->layer[0].id, names[i], m->known ? from : NULL, n->known ? to : NULL,
		    explained(a, x, b, y, i - 1, why) ? why : "no input that is known explains it");
	}
}

/* Whether an earlier cell rode on the same two boots. */
static bool told(const struct run_verdict *a, size_t upto, const struct run_verdict *b,
                 const struct cell_verdict *x, const struct cell_verdict *y)
{
	for (size_t i = 0; i < upto; i++) {
		const struct cell_verdict *other = find_cell(b, a->cell[i].id);

		if (other && other->boot_id && a->cell[i].boot_id &&
		    strcmp(a->cell[i].boot_id, x->boot_id) == 0 &&
		    strcmp(other->boot_id, y->boot_id) == 0)
			return true;
	}
	return false;
}

static void diff_runs(struct differences *d, const struct judged *left, const struct judged *right,
                      bool registers)
{
	const struct run_verdict *a = &left->verdict, *b = &right->verdict;

	for (size_t i = 0; i < a->cells; i++) {
		const struct cell_verdict *other = find_cell(b, a->cell[i].id);

		if (other)
			diff_cell(d, &a->cell[i], other);
		else
			differs(d, a->cell[i].id, "cell", "there", "absent");
		if (other && registers && a->cell[i].layers && other->layers &&
		    !told(a, i, b, &a->cell[i], other))
			diff_registers(d, left, &a->cell[i], right, other);
	}
	for (size_t i = 0; i < b->cells; i++) {
		if (!find_cell(a, b->cell[i].id))
			differs(d, b->cell[i].id, "cell", "absent", "there");
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

static int print(const struct differences *d, bool json, struct err *e)
{
	if (d->count != json_array_size(d->list))
		return err_nomem(e);
	if (!json)
		print_text(d);
	else if (json_print(json_pack("{s:b, s:O}", "differs", d->count > 0, "differences",
	                              d->list)) < 0)
		return err_nomem(e);
	return 0;
}

static int run(const struct options *o, struct err *e)
{
	_cleanup_(judged_done) struct judged a = {0}, b = {0};
	json_auto_t *list = json_array();
	struct differences d = {.list = list};
	int r = judged_load(o->dir[0], &a, e);

	if (r == 0)
		r = judged_load(o->dir[1], &b, e);
	if (r < 0)
		return r;
	diff_runs(&d, &a, &b, o->registers);
	r = print(&d, o->json, e);
	if (r < 0)
		return r;
	return d.count ? EXIT_DIFFERS : EXIT_OK;
}

int cmd_diff(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_FLAG(registers, "registers",
	                    "also compare what each TD measured, by its quote or TDREPORT, and "
	                    "name the inputs that explain it",
	                    .letter = 'r'),
	        OPTION_JSON,
	        {0},
	};
	static const struct options_of options = {
	        .about =
	                "Compares the verdicts of two runs, cell by cell. Exit 1 when any differs.",
	        .usage = "DIR DIR",
	        .operand = OPTION_MEMBER(const char *, dir[0]),
	        .operands = 2,
	        .check = check,
	        .rows = rows,
	};
	struct options o = {0};
	struct err e;
	int r;

	options_parse(&options, argc, argv, &o);
	r = run(&o, &e);
	return r < 0 ? cmd_failed(EXIT_BROKEN, &e) : r;
}
