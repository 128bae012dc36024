/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/escape.h"
#include "core/file.h"
#include "judge/broken.h"
#include "judge/clock.h"
#include "judge/cutoff.h"
#include "judge/expect.h"
#include "judge/extends.h"
#include "judge/frames.h"
#include "judge/hop.h"
#include "judge/isolation.h"
#include "judge/ladder.h"
#include "judge/measured.h"
#include "judge/place.h"
#include "judge/secret.h"

/* What all cells of a boot have in common: looked at once. */
struct shared {
	bool read;
	char changed[JUDGE_TEXT_MAX]; /* how channel.bin is not as it was recorded, or "" */
	struct clock_verdict clock;
	const struct visit_record *own; /* layer 0's own visit, or NULL */
	struct layer_evidence zero[1];  /* what it said */
	bool judged;
	struct layer_verdict verdict; /* on layer 0 */
	struct attested attested;     /* its views are into `zero` */
	size_t visits;                /* how many `extends` are of */
	struct extends extends;
	size_t cells;         /* that are still to be judged by it */
	struct bytes channel; /* the input's, or ours while it is needed */
	uint8_t *frames;      /* layer 0's, kept for the verdicts; or NULL */
};

/* A run being judged. */
struct court {
	const struct judge_input *in;
	struct place *place;   /* of each case */
	struct shared *shared; /* of each boot */
	struct signers *signers;
};

/* One case being judged: where its evidence is, and what it says. */
struct trial {
	const struct judge_input *in;
	struct signers *signers;
	const struct test_case *test;
	size_t boot;
	struct shared *shared;
	const struct visit_record *visit; /* the cell's; layer 0's own for a case that is layer 0 */
	struct layer_evidence *inner; /* of each layer; [0]: layer 0 as it passed the visit on */
	struct attested *attested;    /* [0]: see `shared` */
	struct extends extends; /* of RTMR3: by all visits before this one, and its layers so far */
};

static int court_open(const struct judge_input *in, struct court *ret, struct err *e)
{
	*ret = (struct court){.in = in,
	                      .shared = calloc(in->run->boots + 1, sizeof(struct shared))};
	if (!ret->shared)
		return err_nomem(e);
	if (places_find(in->run, in->cases, &ret->place, e) < 0)
		return e->code;
	for (size_t i = 0; i < in->cases->count; i++)
		ret->shared[ret->place[i].boot].cells += ret->place[i].planned && !ret->place[i].skip;
	return signers_new(in->run->root_pem, in->collateral, in->collaterals, &ret->signers, e);
}

/* What a boot's cells have in common, when there are no more of them. */
static void shared_done(const struct court *c, struct shared *s)
{
	layer_evidence_done(s->zero);
	layer_verdict_done(&s->verdict);
	if (!c->in->channel)
		bytes_free(&s->channel);
	s->channel = (struct bytes){NULL, 0};
}

static void court_close(struct court *c)
{
	for (size_t i = 0; c->shared && i < c->in->run->boots; i++) {
		shared_done(c, &c->shared[i]);
		free(c->shared[i].frames);
	}
	free(c->shared);
	free(c->place);
	signers_free(c->signers);
}

static void trial_done(struct trial *t)
{
	for (size_t i = 0; t->inner && i < t->test->cell.layers; i++)
		layer_evidence_done(&t->inner[i]);
	free(t->inner);
	free(t->attested);
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

/* The layer's frames for the report: a view of channel.bin, or taken out of RELAY frames. */
static void keep_frames(const struct judge_input *in, struct layer_verdict *v,
                        struct layer_evidence *l)
{
	uint8_t *smaller;

	if (!in->channel && in->frames == FRAMES_NONE)
		return;
	if (!in->channel && in->frames == FRAMES_LOG && l->owned)
		l->size = frames_only(FRAME_DMESG, l->bytes, l->size, l->owned);
	v->frames_size = l->size;
	v->frames_owned = TAKE_PTR(l->owned);
	v->frames = l->size ? l->bytes : NULL;
	if (v->frames_owned && l->size && (smaller = realloc(v->frames_owned, l->size)))
		v->frames = v->frames_owned = smaller;
}

static void judge_isolation(const struct trial *t, size_t depth, struct layer_verdict *v)
{
	bool timed = t->shared->clock.state == CLOCK_RIGHT;
	const struct layer_evidence *l = depth ? &t->inner[depth] : t->shared->zero;
	const struct layer_evidence *below = depth > 1 ? &t->inner[depth - 1] : t->shared->zero;

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

static int judge_layer(struct trial *t, size_t depth, struct layer_verdict *v, struct err *e)
{
	const struct run_record *run = t->in->run;
	const struct layer_evidence *l = depth ? &t->inner[depth] : t->shared->zero;
	const struct ladder_input in = {
	        .evidence = l,
	        .layer0 = depth ? &t->shared->attested : NULL,
	        .platform = run->boot[t->boot].boot.platform,
	        .found = run->boot[t->boot].boot.layer0.kind->found,
	        .td = run->boot[t->boot].boot.layer0.kind->trust_domain
	                      ? &run->boot[t->boot].boot.layer0
	                      : NULL,
	        .signers = t->signers,
	        .has_collateral = t->in->collaterals > 0,
	        .prediction = t->in->prediction ? t->in->prediction[t->boot] : NULL,
	        .confirmed = run->confirmed,
	        .below = depth ? &t->inner[depth - 1] : NULL,
	        .below_covered = depth == 1 || (depth && v[-1].grade == GRADE_COVERED),
	        .extends = depth ? t->extends : (struct extends){{0}, 0},
	        .image = expected_image(t->test, depth),
	        .plain_container = is_plain_container(&t->test->cell, depth),
	        .at = (time_t)run->started,
	};
	struct attested *a = depth ? &t->attested[depth] : &t->shared->attested;
	int rc;

	cell_print(&t->test->cell, depth + 1, v->id);
	v->command = json_incref(l->command);
	v->entered = l->hello;
	judge_isolation(t, depth, v);
	if (v->isolation.short_of_memory)
		return err_nomem(e);
	if (v->entered) {
		rc = ladder_climb(&in, v, a, e);
		if (rc == 0 && in.platform == PLATFORM_HARDWARE)
			hop_explain(l, run->boot[t->boot].qemu_said, v);
		if (rc == 0)
			measured_keep(&v->measured, a);
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

/* What RTMR3 was when the visit began; cells come mostly in the order of their visits. */
static int read_extends(struct trial *t, struct err *e)
{
	const struct boot_record *b = &t->in->run->boot[t->boot];
	struct shared *s = t->shared;
	int rc = 0;

	if (t->visit && t->visit < &b->visit[s->visits]) {
		s->visits = 0;
		s->extends = (struct extends){{0}, 0};
	}
	while (rc == 0 && t->visit && &b->visit[s->visits] < t->visit) {
		rc = extends_add_visit(&s->extends, &b->visit[s->visits], &s->channel,
		                       e);
		s->visits++;
	}
	t->extends = s->extends;
	return rc;
}

/* Layer 0 is the same layer to all cells, but for what the case file says of it. */
static int judge_layer0(struct trial *t, struct layer_verdict *v, struct err *e)
{
	struct shared *s = t->shared;
	int rc = 0;

	if (expected_image(t->test, 0)) {
		keep_frames(t->in, v, s->zero);
		return judge_layer(t, 0, v, e);
	}
	if (!s->judged)
		rc = judge_layer(t, 0, &s->verdict, e);
	keep_frames(t->in, &s->verdict, s->zero);
	if (rc == 0)
		rc = layer_verdict_share(v, &s->verdict) < 0 ? err_nomem(e) : 0;
	s->judged = s->judged || rc == 0;
	return rc;
}

static int judge_layers(struct trial *t, struct cell_verdict *v, struct err *e)
{
	const struct bytes *channel = &t->shared->channel;
	int rc = 0;

	v->layers = t->test->cell.layers;
	v->layer = calloc(v->layers, sizeof(*v->layer));
	t->inner = calloc(v->layers, sizeof(*t->inner));
	t->attested = calloc(v->layers, sizeof(*t->attested));
	if (!v->layer || !t->inner || !t->attested)
		return err_nomem(e);
	if (t->visit && t->visit != t->shared->own)
		rc = visit_evidence_read(&t->test->cell, t->visit, channel, t->inner, e);
	if (rc == 0)
		rc = read_extends(t, e);
	if (rc == 0)
		rc = judge_layer0(t, &v->layer[0], e);
	extends_add(&t->extends, &t->inner[0], t->inner[0].extends);
	for (size_t i = 1; i < v->layers && rc == 0; i++) {
		rc = judge_layer(t, i, &v->layer[i], e);
		keep_frames(t->in, &v->layer[i], &t->inner[i]);
		extends_add(&t->extends, &t->inner[i], t->inner[i].extends);
	}
	if (rc == 0 && t->visit && t->visit != t->shared->own && t->visit->state != VISIT_NOT_RUN) {
		t->shared->extends = t->extends;
		t->shared->visits++;
	}
	if (rc == 0) {
		secret_judge(v->layers > 1 ? t->visit : t->shared->own, &t->test->cell,
		             t->shared->zero, t->inner, &v->layer[v->layers - 1]);
		show_kvm_used(&t->test->cell, v);
	}
	return rc;
}

/* ---- what went wrong with the infrastructure ---- */
/* Whether the evidence is unfit to be weighed; then `v` says why. */
static bool evidence_broken(const struct trial *t, struct cell_verdict *v)
{
	const struct boot_record *b = &t->in->run->boot[t->boot];
	char what[CELL_ID_MAX + 32], why[JUDGE_TEXT_MAX];

	if (!layer_same(&b->boot.layer0, &t->test->cell.layer[0]))
		return broken(v, b, "run.json has it in a boot of another layer 0",
		              b->boot.layer0_id);
	if (t->shared->changed[0])
		return broken(v, b, "the evidence changed since", t->shared->changed);
	if (visit_broken(v, b, t->shared->own, "layer 0's own visit"))
		return true;
	if (t->visit != t->shared->own && visit_broken(v, b, t->visit, ""))
		return true;
	if (clock_broken(b, v))
		return true;
	if (t->shared->zero->problem[0])
		return broken(v, b, "layer 0's evidence", t->shared->zero->problem);
	for (size_t i = 0; t->visit != t->shared->own && i < v->layers; i++) {
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
/* Layer 0's frames outlive the channel. */
static int keep_shared(const struct judge_input *in, struct shared *s, struct err *e)
{
	struct layer_evidence *l = s->zero;

	if (!l->size || in->channel || in->frames == FRAMES_NONE)
		return 0;
	s->frames = malloc(l->size);
	if (!s->frames)
		return err_nomem(e);
	if (in->frames == FRAMES_ALL)
		memcpy(s->frames, l->bytes, l->size);
	else
		l->size = frames_only(FRAME_DMESG, l->bytes, l->size, s->frames);
	l->bytes = s->frames;
	return 0;
}

static int read_shared(struct trial *t, struct err *e)
{
	const struct boot_record *b = &t->in->run->boot[t->boot];
	const struct judge_input *in = t->in;
	const struct cell layer0 = {.layers = 1, .layer = {b->boot.layer0}};
	struct shared *s = t->shared;
	int rc = 0;

	if (s->read)
		return 0;
	if (in->channel)
		s->channel = in->channel[t->boot];
	else
		rc = in->read_channel(in->userdata, t->boot, &s->channel, e);
	if (rc < 0)
		return rc;
	s->read = true;
	unchanged_check(b, &s->channel, s->changed);
	clock_judge(b, &s->channel, &s->clock);
	s->own = b->visits ? &b->visit[0] : NULL;
	if (s->own && (s->own->layers != 1 || !s->own->probe0))
		s->own = NULL;
	if (s->own)
		rc = visit_evidence_read(&layer0, s->own, &s->channel, s->zero, e);
	return rc == 0 ? keep_shared(in, s, e) : rc;
}

static int judge_trial(struct trial *t, bool tried_before, struct cell_verdict *v, struct err *e)
{
	const struct boot_record *b = &t->in->run->boot[t->boot];
	char reason[sizeof(v->reason)];
	int rc;

	rc = read_shared(t, e);
	if (rc < 0)
		return rc;
	v->boot_id = b->boot.id;
	v->platform = b->boot.platform;
	v->seconds = t->visit ? t->visit->seconds : 0;
	v->clock = t->shared->clock;
	v->retried = tried_before;
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

static int judge_one(const struct court *c, size_t case_index, struct cell_verdict *ret,
                     struct err *e)
{
	const struct place *p = &c->place[case_index];
	struct cell_verdict v = {.case_index = case_index, .platform = PLATFORM_NONE};
	struct trial t = {
	        .in = c->in,
	        .signers = c->signers,
	        .test = &c->in->cases->item[case_index],
	        .boot = p->boot,
	        .shared = &c->shared[p->boot],
	        .visit = p->visit,
	};
	int rc = 1;

	if (!p->skip && !p->planned)
		return 0;
	snprintf(v.id, sizeof(v.id), "%s", t.test->id);
	if (p->skip) {
		v.outcome = p->skip->asked ? OUTCOME_BROKEN : OUTCOME_SKIP;
		text_escape(v.reason, JUDGE_TEXT_MAX, p->skip->reason);
	} else {
		rc = judge_trial(&t, p->before, &v, e);
		rc = rc < 0 ? rc : 1;
		if (--t.shared->cells == 0)
			shared_done(c, t.shared);
	}
	trial_done(&t);
	if (rc > 0)
		*ret = v;
	else
		cell_verdict_done(&v);
	return rc;
}

int judge_case(const struct judge_input *in, size_t case_index, struct cell_verdict *ret,
               struct err *e)
{
	struct court c;
	int rc = court_open(in, &c, e);

	if (rc == 0)
		rc = judge_one(&c, case_index, ret, e);
	court_close(&c);
	return rc;
}

/* What the verdicts' frames are views of. */
static int hand_over(struct court *c, struct run_verdict *v, struct err *e)
{
	v->kept = calloc(c->in->run->boots + 1, sizeof(*v->kept));
	if (!v->kept)
		return err_nomem(e);
	for (size_t i = 0; i < c->in->run->boots; i++)
		v->kept[v->kepts++] = TAKE_PTR(c->shared[i].frames);
	return 0;
}

int judge_run(const struct judge_input *in, struct run_verdict *ret, struct err *e)
{
	struct run_verdict v = {.platform = PLATFORM_NONE};
	struct court c;
	int rc = court_open(in, &c, e);

	v.cell = calloc(in->cases->count, sizeof(*v.cell));
	if (!v.cell)
		rc = err_nomem(e);
	for (size_t i = 0; i < in->cases->count && rc >= 0; i++) {
		rc = judge_one(&c, i, &v.cell[v.cells], e);
		if (rc <= 0)
			continue;
		v.outcome[v.cell[v.cells].outcome]++;
		if (v.cell[v.cells].platform > v.platform)
			v.platform = v.cell[v.cells].platform;
		v.cells++;
	}
	if (rc >= 0)
		rc = hand_over(&c, &v, e);
	court_close(&c);
	if (rc < 0) {
		run_verdict_done(&v);
		return rc;
	}
	*ret = v;
	return 0;
}
