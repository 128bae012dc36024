/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "run/channel.h"
#include "run/clock.h"
#include "run/session.h"

/* What session.c and session_visits.c share. */
#define READ_SIZE (256u << 10) /* at once, so that timers and other boots get their turn */

enum state { STATE_START, STATE_CLOCK, STATE_VISIT, STATE_POWEROFF, STATE_KILLED, STATE_OVER };

struct session {
	sd_event *event;
	sd_event_source *timer, *io, *over;
	struct machine *machine;
	const struct case_file *cases;
	const struct visit_record *planned;
	session_fn notify;
	void *userdata;
	enum state state;
	bool own_image;                  /* the user's, that may have no agent in it */
	uint64_t visit_bytes, received;  /* bytes: the limit of a visit; in channel.bin */
	uint64_t started, visit_started; /* CLOCK_MONOTONIC microseconds */
	struct boot_record record;       /* record.boot.step is ours */
	size_t next_step;
	char *pending; /* the visit to be sent, the record's last; or NULL: none is left */
	int pending_deadline_s;
	release_fn release;
	void *release_data;
	keep_fn keep;
	void *keep_data;
	bool kept; /* its machine stays up */
	struct release *asking; /* a question that is being weighed */
	struct clock_check clock;
	uint64_t clock_begin; /* bytes of channel.bin when the clock was first asked */
	struct frame_scanner scanner;
	struct outbox outbox;
	int dir_fd, channel_file;
	uint8_t buffer[READ_SIZE];
};

uint64_t session_now(const struct session *s);
double session_seconds_since(const struct session *s, uint64_t start);
struct visit_record *session_current(struct session *s);
int session_set_deadline(struct session *s, int seconds);
/* Nothing runs any more, or it is no longer ours. */
void session_end(struct session *s);
/* Ends the boot before its time; an open visit ends with it. */
void session_give_up(struct session *s, enum visit_state state, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

/* session_visits.c: what the harness says, and what follows a frame that tells it to go on */
void session_broken(struct session *s, const struct err *e);
void session_flush(struct session *s);
/* As it was planned, to be sent once the clock has been read. */
int session_make_visit(struct session *s, const struct cell *cell, int deadline_s, struct err *e);
void session_visit_done(struct session *s);
void session_read_clock(struct session *s);
void session_clock_told(struct session *s);
void session_asked(struct session *s);
