/* SPDX-License-Identifier: Apache-2.0 */
#include "run/session_inner.h"

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

#define LINGER_SECONDS 3 /* a QEMU that has closed the channel should be about to end */

/* Nothing is expected of a guest between BYE and its end, and little while its clock is read. */
#define LAST_WORDS_MAX  (4u << 20)
#define CLOCK_WORDS_MAX (64u << 10)

uint64_t session_now(const struct session *s)
{
	uint64_t t = 0;

	sd_event_now(s->event, CLOCK_MONOTONIC, &t);
	return t;
}

double session_seconds_since(const struct session *s, uint64_t start)
{
	return (double)(session_now(s) - start) / 1e6;
}

struct visit_record *session_current(struct session *s)
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
void session_end(struct session *s)
{
	if (s->state == STATE_OVER)
		return;
	s->state = STATE_OVER;
	release_free(TAKE_PTR(s->asking));
	s->timer = sd_event_source_unref(s->timer);
	s->io = sd_event_source_unref(s->io);
	s->record.seconds = session_seconds_since(s, s->started);
	visit_close(&s->scanner, &s->record.tail);
	if (s->machine) {
		s->record.console_tail = machine_console_tail(s->machine);
		s->record.qemu_said = machine_qemu_said(s->machine);
	}
	if (!s->kept)
		machine_free(TAKE_PTR(s->machine));
	sd_event_source_set_enabled(s->over, SD_EVENT_ONESHOT);
}

static void kill_machine(struct session *s)
{
	if (s->state == STATE_OVER)
		return;
	s->state = STATE_KILLED;
	release_free(TAKE_PTR(s->asking));
	s->timer = sd_event_source_unref(s->timer);
	s->io = sd_event_source_unref(s->io);
	if (s->machine)
		machine_kill(s->machine); /* on_ended follows */
	else
		session_end(s);
}

/* Ends the boot before its time; an open visit ends with it. */
void session_give_up(struct session *s, enum visit_state state, const char *fmt, ...)
{
	struct visit_record *v = session_current(s);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->record.reason, sizeof(s->record.reason), fmt, ap);
	va_end(ap);
	if (s->state == STATE_START || s->state == STATE_VISIT ||
	    (s->state == STATE_CLOCK && s->pending)) {
		v->state = state;
		v->end = s->scanner.position;
		visit_close(&s->scanner, &v->evidence);
		v->seconds =
		        s->state == STATE_VISIT ? session_seconds_since(s, s->visit_started) : 0;
		memcpy(v->reason, s->record.reason, sizeof(v->reason));
		s->notify(s, SESSION_VISIT_OVER, v, s->userdata);
	}
	kill_machine(s);
}

void session_stop(struct session *s, const char *reason)
{
	if (s->state != STATE_OVER && s->state != STATE_KILLED)
		session_give_up(s, VISIT_NOT_RUN, "%s", reason);
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
		session_give_up(
		        s, VISIT_TIMEOUT,
		        s->own_image ? "no agent in this image, or its boot takes more than %d s "
		                       "(tception agent-kit, --boot-deadline); %s"
		                     : "the agent did not answer within %d s of the start; %s",
		        s->record.boot.boot_deadline_s, silence);
		break;
	case STATE_CLOCK:
		session_give_up(s, VISIT_TIMEOUT,
		                "the agent did not tell its clock within %d s; %s",
		                s->record.boot.boot_deadline_s, silence);
		break;
	case STATE_VISIT:
		session_give_up(s, VISIT_TIMEOUT, "no DONE within the deadline of %.0f s; %s",
		                session_seconds_since(s, s->visit_started), silence);
		break;
	case STATE_POWEROFF:
		session_give_up(s, VISIT_TIMEOUT,
		                "did not power off within %d s and was killed; %s",
		                SESSION_POWEROFF_SECONDS, silence);
		break;
	case STATE_KILLED:
	case STATE_OVER:
		break;
	}
	return 0;
}

int session_set_deadline(struct session *s, int seconds)
{
	s->timer = sd_event_source_unref(s->timer);
	return sd_event_add_time_relative(s->event, &s->timer, CLOCK_MONOTONIC,
	                                  (uint64_t)seconds * 1000000, 100000, on_deadline, s);
}

/* ---- the channel ---- */

/*
 * The agent serves its port. Nothing is sent before: OVMF opens every virtio port while it looks
 * for consoles, and would swallow the first VISIT.
 */
static void ready(struct session *s)
{
	s->record.ready_seconds = session_seconds_since(s, s->started);
	s->notify(s, SESSION_READY, NULL, s->userdata);
	session_read_clock(s);
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
		session_give_up(s, VISIT_DIED, "channel.bin: %s", strerror(-r));
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
			session_give_up(s, VISIT_GARBAGE,
			                "no frame header at byte %" PRIu64 " of the channel", at);
		} else if (s->state == STATE_CLOCK
		                   ? s->scanner.position - s->clock_begin > CLOCK_WORDS_MAX
		                   : s->scanner.position - session_current(s)->begin >
		                             s->visit_bytes) {
			frame_scan_rest(&s->scanner, data, &size);
			session_give_up(s, VISIT_FLOOD, "sent more than %" PRIu64 " bytes %s",
			                s->state == STATE_CLOCK ? CLOCK_WORDS_MAX : s->visit_bytes,
			                s->state == STATE_CLOCK ? "between two visits"
			                                        : "in one visit");
		} else if (result == SCAN_READY && s->state == STATE_START) {
			ready(s);
		} else if (result == SCAN_CLOCK && s->state == STATE_CLOCK) {
			session_clock_told(s);
		} else if (result == SCAN_ASK && s->state == STATE_VISIT) {
			session_asked(s);
		} else if (result == SCAN_DONE && s->state == STATE_VISIT) {
			session_visit_done(s);
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
		session_set_deadline(s, LINGER_SECONDS);
	return false;
}

static int on_channel(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct session *s = userdata;

	(void)source, (void)fd;
	if (events & EPOLLOUT)
		session_flush(s);
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
		session_give_up(s, VISIT_DIED, "%s", reason);
	}
	session_end(s);
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
	return session_set_deadline(s, s->record.boot.boot_deadline_s);
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
	s->release = spec->release;
	s->release_data = spec->release_data;
	s->keep = spec->keep;
	s->keep_data = spec->keep_data;
	s->visit_bytes = spec->visit_bytes ? spec->visit_bytes : SESSION_VISIT_BYTES;
	s->started = session_now(s);
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
		r = session_make_visit(s, &(struct cell){.layers = 1, .layer = {b->layer0}},
		                       b->boot_deadline_s, e);
	if (r == 0)
		r = store_boot_create(spec->boots_dir, b->id, &s->dir_fd, &s->channel_file, e);
	if (r < 0) {
		session_free(s, NULL);
		return r;
	}
	*ret = s;
	notify(s, SESSION_STARTED, NULL, userdata);
	if (start_machine(s, &spec->machine, &why) < 0)
		session_broken(s, &why);
	else if (b->layer0.kind->found) /* a pipe waits for who reads it: there is no READY */
		ready(s);
	return 0;
}

static void on_kept_end(struct process *p, int code, int status, void *userdata)
{
	(void)p, (void)code, (void)status, (void)userdata; /* whoever has the machine asks it */
}

struct machine *session_take_machine(struct session *s, uint32_t *ret_sequence)
{
	if (!s->kept || !s->machine)
		return NULL;
	machine_adopt(s->machine, on_kept_end, NULL);
	*ret_sequence = s->outbox.sequence;
	return TAKE_PTR(s->machine);
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
	release_free(s->asking);
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
