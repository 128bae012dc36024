/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/judge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/escape.h"
#include "judge/clock.h"
#include "judge/cutoff.h"
#include "judge/expect.h"
#include "judge/extends.h"
#include "judge/hop.h"
#include "judge/identity.h"
#include "judge/isolation.h"
#include "judge/ladder.h"

/* One case being judged: where its evidence is, and what it says. */
struct trial {
	const struct judge_input *in;
	const struct test_case *test;
	size_t boot;
	const struct visit_record *own;   /* layer 0's own visit, or NULL */
	const struct visit_record *visit; /* the cell's; the same for a case that is layer 0 */
	struct layer_evidence zero[1];
	struct layer_evidence inner[CELL_LAYERS_MAX]; /* [0]: layer 0 as it passed the visit on */
	struct attested attested[CELL_LAYERS_MAX];
	struct extends extends; /* of RTMR3: by all visits before this one, and its layers so far */
};

static void trial_done(struct trial *t)
{
	layer_evidence_done(t->zero);
	for (size_t i = 0; i < CELL_LAYERS_MAX; i++)
		layer_evidence_done(&t->inner[i]);
}

/* ---- finding the evidence ---- */
static bool boot_has_case(const struct boot_record *b, size_t case_index)
{
	for (size_t i = 0; i < b->boot.steps; i++) {
		if (b->boot.step[i].case_index == case_index)
			return true;
	}
	return false;
}

static const struct visit_record *find_visit(const struct boot_record *b, const struct test_case *c)
{
	for (size_t i = c->cell.layers == 1 ? 0 : 1; i < b->visits; i++) {
		if (strcmp(b->visit[i].cell_id, c->id) == 0 && b->visit[i].layers == c->cell.layers)
			return &b->visit[i];
	}
	return NULL;
}

/*
 * The last boot that got to the case, or else the last that was to. *ret_tried_before: an earlier
 * boot tried it too. False when no boot was to run it.
 */
static bool find_boot(const struct judge_input *in, size_t case_index, size_t *ret_boot,
                      bool *ret_tried_before)
{
	const struct test_case *c = &in->cases->item[case_index];
	bool planned = false, tried = false;

	*ret_tried_before = false;
	for (size_t i = 0; i < in->run->boots; i++) {
		const struct boot_record *b = &in->run->boot[i];
		const struct visit_record *v = find_visit(b, c);
		bool run = v && v->state != VISIT_NOT_RUN;

		if (!boot_has_case(b, case_index))
			continue;
		if (run || !tried)
			*ret_boot = i;
		if (run && tried)
			*ret_tried_before = true;
		planned = true;
		tried = tried || run;
	}
	return planned;
}

/* ---- layers ---- */
static void not_entered(struct layer_verdict *v, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));
static void not_entered(struct layer_verdict *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->reason, sizeof(v->reason), fmt, ap);
	va_end(ap);
	ladder_none(v, "the layer was not entered");
}

/* Keeps a copy of the layer's frames for the report. */
static int keep_frames(struct layer_verdict *v, const struct layer_evidence *l, struct err *e)
{
	if (l->size == 0)
		return 0;
	v->frames = malloc(l->size);
	if (!v->frames)
		return err_nomem(e);
	memcpy(v->frames, l->bytes, l->size);
	v->frames_size = l->size;
	return 0;
}

static void judge_isolation(const struct trial *t, size_t depth, bool timed,
                            struct layer_verdict *v)
{
	const struct layer_evidence *l = depth ? &t->inner[depth] : t->zero;
	const struct layer_evidence *below = depth > 1 ? &t->inner[depth - 1] : t->zero;

	cost_judge(l, depth ? -1 : t->in->run->boot[t->boot].ready_seconds, timed, &v->cost);
	if (v->entered)
		isolation_judge(l, depth ? below : NULL, &v->isolation);
	else
		v->isolation = (struct isolation){.uid0 = -1, .seccomp = -1, .no_new_privs = -1};
}

/* One that enters nothing further; others hold what they need for that. */
static bool is_plain_container(const struct cell *cell, size_t depth)
{
	return depth + 1 == cell->layers && !cell->layer[depth].kind->machine;
}

/* A case file speaks of the innermost layer. */
static const char *expected_image(const struct test_case *test, size_t depth)
{
	return depth + 1 == test->cell.layers && test->expect.covers[0] ? test->expect.covers
	                                                                : NULL;
}

/* Kept with the verdict: the evidence that `a` points into is gone by the time two runs are compared. */
static void keep_measured(struct measured *m, const struct attested *a)
{
	struct identity td;

	m->known = a->has_quote || a->has_report;
	if (!m->known)
		return;
	td = a->has_quote ? identity_of_quote(&a->quote) : identity_of_report(&a->report);
	memcpy(m->mrtd, td.mrtd, sizeof(m->mrtd));
	memcpy(m->rtmr, td.rtmr, sizeof(m->rtmr));
}

static int judge_layer(struct trial *t, size_t depth, bool timed, struct layer_verdict *v,
                       struct err *e)
{
	const struct run_record *run = t->in->run;
	const struct layer_evidence *l = depth ? &t->inner[depth] : t->zero;
	const struct ladder_input in = {
	        .evidence = l,
	        .layer0 = depth ? &t->attested[0] : NULL,
	        .platform = run->boot[t->boot].boot.platform,
	        .anchors = {.test_root_pem = run->root_pem},
	        .prediction = t->in->prediction ? t->in->prediction[t->boot] : NULL,
	        .collateral = t->in->collateral,
	        .collaterals = t->in->collaterals,
	        .below = depth ? &t->inner[depth - 1] : NULL,
	        .below_covered = depth == 1 || (depth && v[-1].grade == GRADE_COVERED),
	        .extends = depth ? t->extends : (struct extends){{0}, 0},
	        .image = expected_image(t->test, depth),
	        .plain_container = is_plain_container(&t->test->cell, depth),
	        .at = (time_t)run->started,
	};
	int rc = keep_frames(v, l, e);

	if (rc < 0)
		return rc;
	cell_print(&t->test->cell, depth + 1, v->id);
	v->command = json_incref(l->command);
	v->entered = l->hello;
	judge_isolation(t, depth, timed, v);
	if (v->entered) {
		rc = ladder_climb(&in, v, &t->attested[depth], e);
		if (rc == 0 && in.platform == PLATFORM_HARDWARE)
			hop_explain(l, run->boot[t->boot].qemu_said, v);
		if (rc == 0)
			keep_measured(&v->measured, &t->attested[depth]);
		return rc;
	}
	if (depth == 0)
		not_entered(v, "layer 0 never answered");
	else if (l->left)
		not_entered(v, "%s%s%.80s", l->end[0] ? l->end : "it ended without a word",
		            l->told || !l->words[0] ? "" : ": ", l->told ? "" : l->words);
	else if (l->entering)
		not_entered(v, "it was still being started when the evidence ends");
	else
		not_entered(v, "the layer below was not entered, or did not try");
	return 0;
}

/*
 * What matters about KVM in a stack is what the layer that starts a VM found. So a `qemu.kvm` layer
 * shows that, entered or not, in place of what its own small guest could find further in.
 */
static void show_kvm_used(const struct cell *cell, struct cell_verdict *v)
{
	for (size_t i = v->layers - 1; i > 0; i--) {
		struct layer_verdict *l = &v->layer[i];

		if (!layer_mode_in(&cell->layer[i], cell->layer[i].kind->kvm_of_below))
			continue;
		l->kvm = v->layer[i - 1].kvm;
		memcpy(l->kvm_detail, v->layer[i - 1].kvm_detail, sizeof(l->kvm_detail));
	}
}

/* What RTMR3 was when the visit began. */
static int read_extends(struct trial *t, struct err *e)
{
	const struct boot_record *b = &t->in->run->boot[t->boot];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->visits && t->visit && &b->visit[i] < t->visit; i++)
		rc = extends_add_visit(&t->extends, &b->visit[i], &t->in->channel[t->boot], e);
	return rc;
}

static int judge_layers(struct trial *t, struct cell_verdict *v, struct err *e)
{
	const struct bytes *channel = &t->in->channel[t->boot];
	int rc = 0;

	v->layers = t->test->cell.layers;
	v->layer = calloc(v->layers, sizeof(*v->layer));
	if (!v->layer)
		return err_nomem(e);
	if (t->own)
		rc = visit_evidence_read(&t->test->cell, t->own, channel, t->zero, e);
	if (rc == 0 && t->visit && t->visit != t->own)
		rc = visit_evidence_read(&t->test->cell, t->visit, channel, t->inner, e);
	if (rc == 0)
		rc = read_extends(t, e);
	for (size_t i = 0; i < v->layers && rc == 0; i++) {
		rc = judge_layer(t, i, v->clock.state == CLOCK_RIGHT, &v->layer[i], e);
		extends_add(&t->extends, &t->inner[i], t->inner[i].extends);
	}
	if (rc == 0)
		show_kvm_used(&t->test->cell, v);
	return rc;
}

/* ---- what went wrong with the infrastructure ---- */
/* The last line of the console that has anything on it, escaped. */
static void last_line(const char *console, char out[JUDGE_TEXT_MAX])
{
	const char *end = console ? console + strlen(console) : NULL, *start;
	char line[160];

	out[0] = '\0';
	while (end > console && (unsigned char)end[-1] <= ' ')
		end--;
	for (start = end; start > console && start[-1] != '\n'; start--)
		;
	if (start == end)
		return;
	snprintf(line, sizeof(line), "%.*s", (int)(end - start), start);
	text_escape(out, 160, line);
}

static bool broken(struct cell_verdict *v, const struct boot_record *b, const char *what,
                   const char *why)
{
	const struct hop *hop = hop_of_qemu(b->qemu_said);
	char line[JUDGE_TEXT_MAX];

	last_line(b->console_tail, line);
	v->outcome = OUTCOME_BROKEN;
	if (hop)
		snprintf(v->reason, sizeof(v->reason), "%s%s%.160s; %s: %s: %s", what,
		         why[0] ? ": " : "", why, hop->name, hop->cause, hop->remedy);
	else
		snprintf(v->reason, sizeof(v->reason), "%s%s%.160s%s%s", what, why[0] ? ": " : "",
		         why, line[0] ? "; last console line: " : "", line);
	return true;
}

static bool visit_broken(struct cell_verdict *v, const struct boot_record *b,
                         const struct visit_record *visit, const char *whose)
{
	char what[80];

	if (!visit || visit->state == VISIT_NOT_RUN) {
		snprintf(what, sizeof(what), "%s was never made", whose);
		return broken(v, b, what, visit && visit->reason[0] ? visit->reason : b->reason);
	}
	if (visit->state == VISIT_DONE)
		return false;
	snprintf(what, sizeof(what), "%s ended in %s", whose, visit_state_names[visit->state]);
	return broken(v, b, what, visit->reason);
}

/* Then nothing that was timed in the guest holds, its costs and its deadlines. */
static bool clock_broken(const struct boot_record *b, struct cell_verdict *v)
{
	char why[80];

	if (v->clock.state != CLOCK_WRONG)
		return false;
	for (size_t i = 0; i < v->layers; i++)
		v->layer[i].cost = (struct layer_cost){-1, -1, -1, -1, -1, -1};
	snprintf(why, sizeof(why), "its second is %.3g to %.3g of the host's", v->clock.low,
	         v->clock.high);
	return broken(v, b, "layer 0's clock is wrong", v->clock.low < 0 ? "" : why);
}

/* Whether the evidence is unfit to be weighed; then `v` says why. */
static bool evidence_broken(const struct trial *t, struct cell_verdict *v)
{
	const struct boot_record *b = &t->in->run->boot[t->boot];
	char what[CELL_ID_MAX + 32], why[JUDGE_TEXT_MAX];

	if (visit_broken(v, b, t->own, "layer 0's own visit"))
		return true;
	if (t->visit != t->own && visit_broken(v, b, t->visit, "the visit"))
		return true;
	if (clock_broken(b, v))
		return true;
	if (t->zero->problem[0])
		return broken(v, b, "layer 0's evidence", t->zero->problem);
	for (size_t i = 0; t->visit != t->own && i < v->layers; i++) {
		const struct layer_evidence *l = &t->inner[i];

		snprintf(what, sizeof(what), "the evidence of %s", v->layer[i].id);
		if (l->problem[0]) { /* how it was ended may be the cause */
			snprintf(why, sizeof(why), "%.130s%s%.100s", l->problem,
			         l->told ? "; " : "", l->told ? l->end : "");
			return broken(v, b, what, why);
		}
		if (l->timeout)
			return broken(v, b, what, "the layer below gave it up after its deadline");
		if (l->left && !l->hello && cutoff_words(l->told ? l->end : l->words))
			return broken(v, b, "what was to start it ran out of time",
			              l->told ? l->end : l->words);
		if (l->left && l->started && !l->hello)
			return broken(v, b, what, "it was started and said nothing of use");
	}
	return false;
}

/* ---- cases ---- */
static const struct skip *find_skip(const struct run_record *run, size_t case_index)
{
	for (size_t i = 0; i < run->skips; i++) {
		if (run->skip[i].case_index == case_index)
			return &run->skip[i];
	}
	return NULL;
}

static int judge_trial(struct trial *t, bool tried_before, struct cell_verdict *v, struct err *e)
{
	const struct boot_record *b = &t->in->run->boot[t->boot];
	char reason[sizeof(v->reason)];
	int rc;

	t->own = b->visits ? &b->visit[0] : NULL;
	t->visit = find_visit(b, t->test);
	if (t->own && (t->own->layers != 1 || !t->own->probe0))
		t->own = NULL;
	v->boot_id = b->boot.id;
	v->platform = b->boot.platform;
	v->seconds = t->visit ? t->visit->seconds : 0;
	clock_judge(b, &t->in->channel[t->boot], &v->clock);
	rc = judge_layers(t, v, e);
	if (rc < 0 || evidence_broken(t, v))
		return rc;
	expect_compare(t->test, v, (time_t)t->in->run->started);
	if (tried_before) {
		memcpy(reason, v->reason, sizeof(reason));
		snprintf(v->reason, sizeof(v->reason), "flaky, an earlier boot broke: %.400s",
		         reason);
	}
	return 0;
}

int judge_case(const struct judge_input *in, size_t case_index, struct cell_verdict *ret,
               struct err *e)
{
	const struct skip *skip = find_skip(in->run, case_index);
	struct cell_verdict v = {.case_index = case_index, .platform = PLATFORM_NONE};
	struct trial *t;
	bool tried_before = false;
	int rc = 1;

	t = calloc(1, sizeof(*t));
	if (!t)
		return err_nomem(e);
	t->in = in;
	t->test = &in->cases->item[case_index];
	snprintf(v.id, sizeof(v.id), "%s", t->test->id);
	if (skip) {
		v.outcome = skip->asked ? OUTCOME_BROKEN : OUTCOME_SKIP;
		text_escape(v.reason, JUDGE_TEXT_MAX, skip->reason);
	} else if (find_boot(in, case_index, &t->boot, &tried_before)) {
		rc = judge_trial(t, tried_before, &v, e);
		rc = rc < 0 ? rc : 1;
	} else {
		rc = 0;
	}
	trial_done(t);
	free(t);
	if (rc > 0)
		*ret = v;
	else
		cell_verdict_done(&v);
	return rc;
}

int judge_run(const struct judge_input *in, struct run_verdict *ret, struct err *e)
{
	struct run_verdict v = {.platform = PLATFORM_NONE};

	v.cell = calloc(in->cases->count, sizeof(*v.cell));
	if (!v.cell)
		return err_nomem(e);
	for (size_t i = 0; i < in->cases->count; i++) {
		int rc = judge_case(in, i, &v.cell[v.cells], e);

		if (rc < 0) {
			run_verdict_done(&v);
			return rc;
		}
		if (rc == 0)
			continue;
		v.outcome[v.cell[v.cells].outcome]++;
		if (v.cell[v.cells].platform > v.platform)
			v.platform = v.cell[v.cells].platform;
		v.cells++;
	}
	*ret = v;
	return 0;
}
