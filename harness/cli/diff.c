/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/judged.h"
#include "cli/options.h"
#include "core/enum.h"
#include "format/text.h"
#include "measure/predict_diff.h"

struct options {
	const char *dir[2];
	bool registers;
};

enum { KEY_REGISTERS = 'r' };

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_REGISTERS:
		o->registers = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_error(state, "two folders are enough");
		o->dir[state->arg_num] = argument;
		return 0;
	case ARGP_KEY_END:
		if (!o->dir[1])
			argp_error(state, "the folders of two runs are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static unsigned differs(const char *id, const char *what, const char *a, const char *b)
{
	if (strcmp(a, b) == 0)
		return 0;
	printf("%s: %s: %s -> %s\n", id, what, a[0] ? a : "none", b[0] ? b : "none");
	return 1;
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

static unsigned diff_findings(const struct layer_verdict *a, const struct layer_verdict *b)
{
	unsigned n = 0;

	for (size_t i = 0; i < a->isolation.findings; i++) {
		const char *name = a->isolation.finding[i].name;

		n += differs(a->id, "finding", name, has_finding(b, name) ? name : "");
	}
	for (size_t i = 0; i < b->isolation.findings; i++) {
		const char *name = b->isolation.finding[i].name;

		n += differs(a->id, "finding", has_finding(a, name) ? name : "", name);
	}
	return n;
}

static unsigned diff_layer(const struct layer_verdict *a, const struct layer_verdict *b)
{
	char left[64], right[64];
	unsigned n = 0;

	n += differs(a->id, "entered", a->entered ? "yes" : "no", b->entered ? "yes" : "no");
	n += differs(a->id, "grade", ENUM_NAME(grade_names, a->grade),
	             ENUM_NAME(grade_names, b->grade));
	n += differs(a->id, "origin", ENUM_NAME(origin_names, a->origin),
	             ENUM_NAME(origin_names, b->origin));
	n += differs(a->id, "kvm", ENUM_NAME(kvm_state_names, a->kvm),
	             ENUM_NAME(kvm_state_names, b->kvm));
	for (int i = 0; i < RUNG_COUNT; i++)
		n += differs(a->id, rung_names[i], rung_text(&a->ladder[i], left),
		             rung_text(&b->ladder[i], right));
	n += diff_findings(a, b);
	return n;
}

static unsigned diff_cell(const struct cell_verdict *a, const struct cell_verdict *b)
{
	unsigned n = differs(a->id, "outcome", ENUM_NAME(outcome_names, a->outcome),
	                     ENUM_NAME(outcome_names, b->outcome));

	n += differs(a->id, "platform", ENUM_NAME(platform_names, a->platform),
	             ENUM_NAME(platform_names, b->platform));
	for (size_t i = 0; i < a->layers && i < b->layers; i++) {
		/* Layer 0 is told once, by its own cell where there is one. */
		if (i > 0 || a->layers == 1)
			n += diff_layer(&a->layer[i], &b->layer[i]);
	}
	return n;
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
static unsigned diff_registers(const struct judged *a, const struct cell_verdict *x,
                               const struct judged *b, const struct cell_verdict *y)
{
	static const char *const names[] = {"MRTD", "RTMR0", "RTMR1", "RTMR2", "RTMR3"};
	const struct measured *m = &x->layer[0].measured, *n = &y->layer[0].measured;
	unsigned count = 0;
	char why[600];

	if (!m->known && !n->known)
		return 0;
	for (int i = 0; i < 5; i++) {
		const uint8_t *left = i ? m->rtmr[i - 1] : m->mrtd;
		const uint8_t *right = i ? n->rtmr[i - 1] : n->mrtd;
		char from[HEX_ENCODED_SIZE(6)] = "nothing", to[HEX_ENCODED_SIZE(6)] = "nothing";

		if (m->known && n->known && memcmp(left, right, 48) == 0)
			continue;
		if (m->known)
			hex_encode(left, 6, from);
		if (n->known)
			hex_encode(right, 6, to);
		printf("%s: %s: %s.. -> %s..: %s\n", x->layer[0].id, names[i], from, to,
		       explained(a, x, b, y, i - 1, why) ? why
		                                         : "no input that is known explains it");
		count++;
	}
	return count;
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

static unsigned diff_runs(const struct judged *left, const struct judged *right, bool registers)
{
	const struct run_verdict *a = &left->verdict, *b = &right->verdict;
	unsigned n = 0;

	for (size_t i = 0; i < a->cells; i++) {
		const struct cell_verdict *other = find_cell(b, a->cell[i].id);

		n += other ? diff_cell(&a->cell[i], other)
		           : differs(a->cell[i].id, "cell", "there", "absent");
		if (other && registers && a->cell[i].layers && other->layers &&
		    !told(a, i, b, &a->cell[i], other))
			n += diff_registers(left, &a->cell[i], right, other);
	}
	for (size_t i = 0; i < b->cells; i++) {
		if (!find_cell(a, b->cell[i].id))
			n += differs(b->cell[i].id, "cell", "absent", "there");
	}
	return n;
}

int cmd_diff(int argc, char **argv)
{
	static const struct argp_option list[] = {
	        {"registers", KEY_REGISTERS, NULL, 0,
	         "also compare what each TD measured, by its quote or TDREPORT, and name the "
	         "inputs that explain it",
	         0},
	        {0},
	};
	static const struct argp argp = {
	        .options = list,
	        .parser = parse_option,
	        .args_doc = "DIR DIR",
	        .doc = "Compares the verdicts of two runs, cell by cell. Exit 1 when any differs.",
	};
	struct options o = {0};
	struct judged a, b;
	struct err e;
	unsigned n;

	options_parse(&argp, argc, argv, 0, &o);
	if (judged_load(o.dir[0], &a, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	if (judged_load(o.dir[1], &b, &e) < 0) {
		judged_done(&a);
		return cmd_failed(EXIT_BROKEN, &e);
	}
	n = diff_runs(&a, &b, o.registers);
	judged_done(&a);
	judged_done(&b);
	return n ? EXIT_DIFFERS : EXIT_OK;
}
