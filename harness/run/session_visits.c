/* SPDX-License-Identifier: Apache-2.0 */
/* One visit after another: what is sent, the guest's clock between them, answers to who asks for a secret. */
#include <errno.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "run/session_inner.h"
#include "run/visit.h"

/* ---- visits ---- */

void session_broken(struct session *s, const struct err *e)
{
	session_give_up(s, VISIT_DIED, "%s", e->text);
}

void session_flush(struct session *s)
{
	struct err e = {0};
	bool empty;

	if (outbox_flush(&s->outbox, machine_channel(s->machine), &empty, &e) < 0)
		empty = true; /* the reader sees a closed channel, and knows more about why */
	sd_event_source_set_io_events(s->io, empty ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

/* As it was planned, to be sent once the clock has been read. */
int session_make_visit(struct session *s, const struct cell *cell, int deadline_s, struct err *e)
{
	struct visit_record *visit = boot_record_next_visit(&s->record, e);
	int r;

	if (!visit)
		return -ENOMEM;
	*visit = s->planned[s->record.visits];
	visit->begin = visit->end = s->scanner.position;
	r = visit_frame(cell, visit, (unsigned)s->record.visits, deadline_s, &s->pending, e);
	s->record.visits += r == 0;
	s->pending_deadline_s = deadline_s;
	return r;
}

static bool put(struct session *s, enum frame_type type, const char *json)
{
	struct err e = {0};

	if (outbox_put(&s->outbox, type, json, &e) == 0)
		return true;
	session_broken(s, &e);
	return false;
}

static void send_visit(struct session *s)
{
	_cleanup_(freep) char *json = TAKE_PTR(s->pending);

	s->state = STATE_VISIT;
	session_current(s)->begin = session_current(s)->end = s->scanner.position;
	s->visit_started = session_now(s);
	if (!put(s, FRAME_VISIT, json))
		return;
	session_set_deadline(s, s->pending_deadline_s);
	s->notify(s, SESSION_VISIT_BEGUN, session_current(s), s->userdata);
	session_flush(s);
}

static void power_off(struct session *s)
{
	s->kept = s->keep && s->keep(s->keep_data, &s->record);
	if (s->kept) {
		session_end(s);
		return;
	}
	if (!put(s, FRAME_BYE, "{}"))
		return;
	s->state = STATE_POWEROFF;
	session_set_deadline(s, SESSION_POWEROFF_SECONDS);
	session_flush(s);
}

/* ---- the guest's clock ---- */

static void ask_clock(struct session *s)
{
	if (!put(s, FRAME_TIME, "{}"))
		return;
	s->clock.asked_us = clock_now_us();
	session_flush(s);
}

/* Between visits, when the agent has nothing else to do. */
void session_read_clock(struct session *s)
{
	s->state = STATE_CLOCK;
	s->clock = (struct clock_check){0};
	s->clock_begin = s->scanner.position;
	session_set_deadline(s, s->record.boot.boot_deadline_s);
	ask_clock(s);
}

void session_clock_told(struct session *s)
{
	struct err e = {0};

	if (!clock_check_answer(&s->clock, clock_now_us(), frame_scan_begin(&s->scanner)))
		ask_clock(s);
	else if (clock_check_keep(&s->clock, &s->record, &e) < 0)
		session_broken(s, &e);
	else if (s->pending)
		send_visit(s);
	else
		power_off(s);
}

/* The next cell, or BYE. Cells that are layer 0 alone have had their visit: the first one. */
static void next_visit(struct session *s)
{
	const struct boot *b = &s->record.boot;
	const struct test_case *c = NULL;
	struct err e = {0};
	int deadline_s = 0;

	while (s->next_step < b->steps && !c) {
		c = &s->cases->item[b->step[s->next_step].case_index];
		deadline_s = b->step[s->next_step++].deadline_s;
		if (c->cell.layers == 1)
			c = NULL;
	}
	if (c && session_make_visit(s, &c->cell, deadline_s, &e) < 0)
		session_broken(s, &e);
	else
		session_read_clock(s);
}

void session_visit_done(struct session *s)
{
	struct visit_record *v = session_current(s);

	release_free(TAKE_PTR(s->asking));
	v->state = VISIT_DONE;
	v->end = s->scanner.position;
	visit_close(&s->scanner, &v->evidence);
	v->seconds = session_seconds_since(s, s->visit_started);
	s->notify(s, SESSION_VISIT_OVER, v, s->userdata);
	next_visit(s);
}

/* ---- a secret ---- */

static void answer(const struct release_verdict *verdict, void *owner)
{
	_cleanup_(freep) char *json = NULL;
	struct session *s = owner;
	struct err e = {0};

	release_free(TAKE_PTR(s->asking));
	if (release_answer(verdict, session_current(s), &json, &e) < 0)
		session_broken(s, &e);
	else if (put(s, FRAME_SECRET, json))
		session_flush(s);
}

/* The first question of a visit is answered, and only where the case wants one. */
void session_asked(struct session *s)
{
	static const struct release_verdict nobody = {.reason = "this run releases no secrets"};
	struct visit_record *v = session_current(s);
	struct err e = {0};

	if (!v->secret.wanted || v->secret.answered || s->asking)
		return;
	v->end = s->scanner.position;
	if (!s->release)
		answer(&nobody, s);
	else if (release_start(s->event, s->release, s->release_data, &s->record, answer, s,
	                       &s->asking, &e) < 0)
		session_broken(s, &e);
}
