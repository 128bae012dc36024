/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/differences.h"
#include "cli/environment.h"
#include "cli/judged.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "format/text.h"
#include "measure/explain.h"

struct options {
	const char *dir[2];
	bool registers, json;
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	return o->dir[1] ? 0 : err_set(e, -EINVAL, "the folders of two runs are needed");
}

static bool explained(const struct judged *a, const struct cell_verdict *x, const struct judged *b,
                      const struct cell_verdict *y, int rtmr, char why[600])
{
	const struct prediction *p = run_prediction(a, x), *q = run_prediction(b, y);

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
		differences_add(
		        d, x->layer[0].id, names[i], m->known ? from : NULL, n->known ? to : NULL,
		        explained(a, x, b, y, i - 1, why) ? why
		                                          : "no input that is known explains it");
	}
}

/* Whether an earlier cell rode on the same two boots. */
static bool told(const struct run_verdict *a, size_t upto, const struct run_verdict *b,
                 const struct cell_verdict *x, const struct cell_verdict *y)
{
	for (size_t i = 0; i < upto; i++) {
		const struct cell_verdict *other = run_find_cell(b, a->cell[i].id);

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
		const struct cell_verdict *other = run_find_cell(b, a->cell[i].id);

		if (other)
			differences_cell(d, &a->cell[i], other, false);
		else
			differences_text(d, a->cell[i].id, "cell", "there", "absent");
		if (other && registers && a->cell[i].layers && other->layers &&
		    !told(a, i, b, &a->cell[i], other))
			diff_registers(d, left, &a->cell[i], right, other);
	}
	for (size_t i = 0; i < b->cells; i++) {
		if (!run_find_cell(a, b->cell[i].id))
			differences_text(d, b->cell[i].id, "cell", "absent", "there");
	}
}

static int run(const struct options *o, struct err *e)
{
	_cleanup_(judged_done) struct judged a = {0}, b = {0};
	json_auto_t *list = json_array(), *others = json_array();
	struct differences d = {.list = list}, environment = {.list = others};
	int r = judged_load(o->dir[0], FRAMES_NONE, &a, e);

	if (r == 0)
		r = judged_load(o->dir[1], FRAMES_NONE, &b, e);
	if (r < 0)
		return r;
	diff_runs(&d, &a, &b, o->registers);
	if (d.count)
		environment_differences(&environment, &a, &b);
	r = differences_print(&d, &environment, o->json, e);
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
	        .about = "Compares the verdicts of two runs, cell by cell; where any differs, also "
	                 "what else does and may be why. Exit 1 when any verdict differs.",
	        .usage = "RUN RUN",
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
