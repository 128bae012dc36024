/* SPDX-License-Identifier: Apache-2.0 */
#include "run/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "record/store.h"
#include "run/channel.h"
#include "run/clock.h"
#include "run/visit.h"

#define LINGER_SECONDS 3         /* a QEMU that has closed the channel should be about to end */
#define READ_SIZE      (256u << 10) /* at once, so that timers and other boots get their turn */
/* Nothing is expected of a guest between BYE and its end, and little while its clock is read. */
#define LAST_WORDS_MAX  (4u << 20)
#define CLOCK_WORDS_MAX (64u << 10)

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
	bool own_image; /* the user's, that may have no agent in it */
	uint64_t visit_bytes, received;  /* bytes: the limit of a visit; in channel.bin */
	uint64_t started, visit_started; /* CLOCK_MONOTONIC microseconds */
	struct boot_record record;       /* record.boot.step is ours */
	size_t next_step;
	char *pending; /* the visit to be sent, the record's last; or NULL: none is left */
	int pending_deadline_s;
	struct clock_check clock;
	uint64_t clock_begin; /* bytes of channel.bin when the clock was first asked */
	struct frame_scanner scanner;
	struct outbox outbox;
	int dir_fd, channel_file;
	uint8_t buffer[READ_SIZE];
};

static uint64_t now(const struct session *s)
{
	uint64_t t = 0;

	sd_event_now(s->event, CLOCK_MONOTONIC, &t);
	return t;
}

static double seconds_since(const struct session *s, uint64_t start)
{
	return (double)(now(s) - start) / 1e6;
}

static struct visit_record *current(struct session *s)
{
	return &s->record.visit[s->record.visits - 1];
}

static int on_over(sd_event_source *source, void *userdata)
{
	struct session *s = userdata;

	(void)source;
	s->notify(s, SESSION_OVER, NULL, s->userdata); /* may free `s` */
	return 0;
}

/* Nothing runs any more. The owner hears of it from the loop, where it may free us. */
static void end(struct session *s)
{
	if (s->state == STATE_OVER)
		return;
	s->state = STATE_OVER;
	s->timer = sd_event_source_unref(s->timer);
	s->io = sd_event_source_unref(s->io);
	s->record.seconds = seconds_since(s, s->started);
	visit_close(&s->scanner, &s->record.tail);
	if (s->machine) {
		s->record.console_tail = machine_console_tail(s->machine);
		s->record.qemu_said = machine_qemu_said(s->machine);
	}
	machine_free(TAKE_PTR(s->machine));
	sd_event_source_set_enabled(s->over, SD_EVENT_ONESHOT);
}

static void kill_machine(struct session *s)
{
	if (s->state == STATE_OVER)
		return;
	s->state = STATE_KILLED;
	s->timer = sd_event_source_unref(s->timer);
	s->io = sd_event_source_unref(s->io);
	if (s->machine)
		machine_kill(s->machine); /* on_ended follows */
	else
		end(s);
}

/* Ends the boot before its time; an open visit ends with it. */
__attribute__((format(printf, 3, 4))) static void give_up(struct session *s, enum visit_state state,
                                                          const char *fmt, ...)
{
	struct visit_record *v = current(s);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->record.reason, sizeof(s->record.reason), fmt, ap);
	va_end(ap);
	if (s->state == STATE_START || s->state == STATE_VISIT ||
	    (s->state == STATE_CLOCK && s->pending)) {
		v->state = state;
		v->end = s->scanner.position;
		visit_close(&s->scanner, &v->evidence);
		v->seconds = s->state == STATE_VISIT ? seconds_since(s, s->visit_started) : 0;
		memcpy(v->reason, s->record.reason, sizeof(v->reason));
		s->notify(s, SESSION_VISIT_OVER, v, s->userdata);
	}
	kill_machine(s);
}

void session_stop(struct session *s, const char *reason)
{
	if (s->state != STATE_OVER && s->state != STATE_KILLED)
		give_up(s, VISIT_NOT_RUN, "%s", reason);
}

/* ---- deadlines ---- */

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct session *s = userdata;
	char silence[64];

	(void)source, (void)usec;
	machine_describe_silence(s->machine, clock_now_us(), silence, sizeof(silence));
	switch (s->state) {
	case STATE_START:
		give_up(s, VISIT_TIMEOUT,
		        s->own_image ? "no agent in this image, or its boot takes more than %d s "
		                       "(tception agent-kit, --boot-deadline); %s"
		                     : "the agent did not answer within %d s of the start; %s",
		        s->record.boot.boot_deadline_s, silence);
		break;
	case STATE_CLOCK:
		give_up(s, VISIT_TIMEOUT, "the agent did not tell its clock within %d s; %s",
		        s->record.boot.boot_deadline_s, silence);
		break;
	case STATE_VISIT:
		give_up(s, VISIT_TIMEOUT, "no DONE within the deadline of %.0f s; %s",
		        seconds_since(s, s->visit_started), silence);
		break;
	case STATE_POWEROFF:
		give_up(s, VISIT_TIMEOUT, "did not power off within %d s and was killed; %s",
		        SESSION_POWEROFF_SECONDS, silence);
		break;
	case STATE_KILLED:
	case STATE_OVER:
		break;
	}
	return 0;
}

static int set_deadline(struct session *s, int seconds)
{
	s->timer = sd_event_source_unref(s->timer);
	return sd_event_add_time_relative(s->event, &s->timer, CLOCK_MONOTONIC,
	                                  (uint64_t)seconds * 1000000, 100000, on_deadline, s);
}

/* ---- visits ---- */

static void broken(struct session *s, const struct err *e)
{
	give_up(s, VISIT_DIED, "%s", e->text);
}

static void flush(struct session *s)
{
	struct err e = {0};
	bool empty;

	if (outbox_flush(&s->outbox, machine_channel(s->machine), &empty, &e) < 0)
		empty = true; /* the reader sees a closed channel, and knows more about why */
	sd_event_source_set_io_events(s->io, empty ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

/* As it was planned, to be sent once the clock has been read. */
static int make_visit(struct session *s, const struct cell *cell, int deadline_s, struct err *e)
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
	broken(s, &e);
	return false;
}

static void send_visit(struct session *s)
{
	_cleanup_(freep) char *json = TAKE_PTR(s->pending);

	s->state = STATE_VISIT;
	current(s)->begin = current(s)->end = s->scanner.position;
	s->visit_started = now(s);
	if (!put(s, FRAME_VISIT, json))
		return;
	set_deadline(s, s->pending_deadline_s);
	s->notify(s, SESSION_VISIT_BEGUN, current(s), s->userdata);
	flush(s);
}

static void power_off(struct session *s)
{
	if (!put(s, FRAME_BYE, "{}"))
		return;
	s->state = STATE_POWEROFF;
	set_deadline(s, SESSION_POWEROFF_SECONDS);
	flush(s);
}

/* ---- the guest's clock ---- */

static void ask_clock(struct session *s)
{
	if (!put(s, FRAME_TIME, "{}"))
		return;
	s->clock.asked_us = clock_now_us();
	flush(s);
}

/* Between visits, when the agent has nothing else to do. */
static void read_clock(struct session *s)
{
	s->state = STATE_CLOCK;
	s->clock = (struct clock_check){0};
	s->clock_begin = s->scanner.position;
	set_deadline(s, s->record.boot.boot_deadline_s);
	ask_clock(s);
}

static void clock_told(struct session *s)
{
	struct err e = {0};

	if (!clock_check_answer(&s->clock, clock_now_us(), frame_scan_begin(&s->scanner)))
		ask_clock(s);
	else if (clock_check_keep(&s->clock, &s->record, &e) < 0)
		broken(s, &e);
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
	if (c && make_visit(s, &c->cell, deadline_s, &e) < 0)
		broken(s, &e);
	else
		read_clock(s);
}

static void visit_done(struct session *s)
{
	struct visit_record *v = current(s);

	v->state = VISIT_DONE;
	v->end = s->scanner.position;
	visit_close(&s->scanner, &v->evidence);
	v->seconds = seconds_since(s, s->visit_started);
	s->notify(s, SESSION_VISIT_OVER, v, s->userdata);
	next_visit(s);
}

/* ---- the channel ---- */

/*
 * The agent serves its port. Nothing is sent before: OVMF opens every virtio port while it looks
 * for consoles, and would swallow the first VISIT.
 */
static void ready(struct session *s)
{
	s->record.ready_seconds = seconds_since(s, s->started);
	s->notify(s, SESSION_READY, NULL, s->userdata);
	read_clock(s);
}

/* Down to the disk first, whatever it is; then follow the frames. */
static void took(struct session *s, const uint8_t *data, size_t size)
{
	int r;

	s->received += size;
	if (s->state == STATE_POWEROFF && s->received - s->scanner.position > LAST_WORDS_MAX) {
		s->io = sd_event_source_unref(s->io);
		return;
	}
	r = file_append_fd(s->channel_file, data, size);
	if (r < 0) {
		give_up(s, VISIT_DIED, "channel.bin: %s", strerror(-r));
		return;
	}
	while (size > 0 && s->state <= STATE_VISIT) {
		size_t used;
		enum scan_result result = frame_scan(&s->scanner, data, size, &used);

		data += used;
		size -= used;
		if (result == SCAN_GARBAGE) {
			uint64_t at = s->scanner.position - FRAME_HEADER_SIZE;

			frame_scan_rest(&s->scanner, data, &size);
			give_up(s, VISIT_GARBAGE,
			        "no frame header at byte %" PRIu64 " of the channel", at);
		} else if (s->state == STATE_CLOCK
		                   ? s->scanner.position - s->clock_begin > CLOCK_WORDS_MAX
		                   : s->scanner.position - current(s)->begin > s->visit_bytes) {
			frame_scan_rest(&s->scanner, data, &size);
			give_up(s, VISIT_FLOOD, "sent more than %" PRIu64 " bytes %s",
			        s->state == STATE_CLOCK ? CLOCK_WORDS_MAX : s->visit_bytes,
			        s->state == STATE_CLOCK ? "between two visits" : "in one visit");
		} else if (result == SCAN_READY && s->state == STATE_START) {
			ready(s);
		} else if (result == SCAN_CLOCK && s->state == STATE_CLOCK) {
			clock_told(s);
		} else if (result == SCAN_DONE && s->state == STATE_VISIT) {
			visit_done(s);
		}
	}
	sha256_update(&s->scanner.digest, data, size);
}

/* One read; returns whether there may be more. */
static bool take(struct session *s)
{
	ssize_t n = read(machine_channel(s->machine), s->buffer, sizeof(s->buffer));

	if (n > 0) {
		took(s, s->buffer, (size_t)n);
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* The other end is gone; QEMU's exit status says more, so give it a moment. */
	s->io = sd_event_source_unref(s->io);
	if (s->state != STATE_POWEROFF)
		set_deadline(s, LINGER_SECONDS);
	return false;
}

static int on_channel(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct session *s = userdata;

	(void)source, (void)fd;
	if (events & EPOLLOUT)
		flush(s);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		take(s);
	return 0;
}

/* ---- QEMU's end ---- */

static void on_ended(struct process *p, int code, int status, void *userdata)
{
	struct session *s = userdata;
	char reason[200];

	(void)p; /* What it still said belongs to the evidence; it can even complete a visit. */
	for (int i = 0; i < 256 && s->io && s->state < STATE_KILLED && take(s); i++)
		;
	if (s->state <= STATE_VISIT) {
		machine_describe_end(s->machine, code, status, reason, sizeof(reason));
		give_up(s, VISIT_DIED, "%s", reason);
	}
	end(s);
}

/* ---- beginning and end ---- */

static int start_machine(struct session *s, const struct machine_spec *spec, struct err *e)
{
	struct machine_spec m = *spec;
	int r;

	m.boot = &s->record.boot;
	m.dir_fd = s->dir_fd;
	r = machine_start(s->event, &m, on_ended, s, &s->machine, e);
	if (r < 0)
		return r;
	s->record.argv = argv_copy(machine_argv(s->machine));
	if (!s->record.argv)
		return err_nomem(e);
	r = sd_event_add_io(s->event, &s->io, machine_channel(s->machine), EPOLLIN, on_channel, s);
	if (r < 0)
		return err_sys(e, r, "watching the evidence channel");
	return set_deadline(s, s->record.boot.boot_deadline_s);
}

int session_start(sd_event *event, const struct session_spec *spec, session_fn notify,
                  void *userdata, struct session **ret, struct err *e)
{
	const struct boot *b = spec->machine.boot;
	struct session *s = calloc(1, sizeof(*s));
	struct err why = {0};
	int r;

	if (!s)
		return err_nomem(e);
	s->event = sd_event_ref(event);
	s->cases = spec->cases;
	s->notify = notify;
	s->userdata = userdata;
	s->visit_bytes = spec->visit_bytes ? spec->visit_bytes : SESSION_VISIT_BYTES;
	s->started = now(s);
	s->planned = spec->planned;
	s->own_image = guest_parts_disk(spec->machine.parts, b);
	sha256_init(&s->scanner.digest);
	s->dir_fd = s->channel_file = -1;
	s->record.attempt = spec->attempt;
	s->record.ready_seconds = -1;
	r = boot_record_plan(&s->record, b, e);
	if (r == 0 && (r = sd_event_add_defer(event, &s->over, on_over, s)) >= 0)
		r = sd_event_source_set_enabled(s->over, SD_EVENT_OFF);
	if (r == 0)
		r = make_visit(s, &(struct cell){.layers = 1, .layer = {b->layer0}}, b->boot_deadline_s, e);
	if (r == 0)
		r = store_boot_create(spec->boots_dir, b->id, &s->dir_fd, &s->channel_file, e);
	if (r < 0) {
		session_free(s, NULL);
		return r;
	}
	*ret = s;
	notify(s, SESSION_STARTED, NULL, userdata);
	if (start_machine(s, &spec->machine, &why) < 0)
		broken(s, &why);
	else if (b->layer0.kind->found) /* a pipe waits for who reads it: there is no READY */
		ready(s);
	return 0;
}

const struct boot_record *session_record(const struct session *s)
{
	return &s->record;
}

void session_free(struct session *s, struct boot_record *ret)
{
	if (!s)
		return;
	sd_event_source_unref(s->timer), sd_event_source_unref(s->io);
	sd_event_source_unref(s->over);
	machine_free(s->machine);
	outbox_done(&s->outbox);
	free(s->pending);
	closep(&s->channel_file), closep(&s->dir_fd);
	if (ret)
		*ret = s->record;
	else
		boot_record_done(&s->record);
	sd_event_unref(s->event);
	free(s);
}
