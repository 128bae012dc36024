/* SPDX-License-Identifier: Apache-2.0 */
/* One TD: its QEMU, its services, and whoever wants to run something in there. */
#include "td/keeper_inner.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/frame.h"

#define POWEROFF_SECONDS 10
#define US               1000000ull

static uint64_t now(const struct keeper *k)
{
	uint64_t t = 0;

	sd_event_now(k->event, CLOCK_MONOTONIC, &t);
	return t;
}

/* What whoever started us waits for, once. */
static void say(struct keeper *k, const char *text)
{
	if (k->report < 0)
		return;
	if (write(k->report, text, strlen(text)) < 0)
		k->code = -errno; /* nobody waits any more */
	close(TAKE_FD(k->report));
}

static void end(struct keeper *k, int code)
{
	if (k->code == 0)
		k->code = code;
	sd_event_exit(k->event, 0);
}

/* ---- the way down ---- */

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct keeper *k = userdata;
	char silence[64];

	(void)source, (void)usec;
	machine_describe_silence(k->machine, now(k), silence, sizeof(silence));
	if (k->state == SERVING)
		keeper_stop(k); /* a kept one's time is over */
	else if (k->state == ENDING)
		end(k, 0);
	else
		end(k, err_set(k->failure, -ETIMEDOUT,
		               "the TD was not ready within %d s of its start; %s",
		               k->spec->boot.boot_deadline_s, silence));
	return 0;
}

static void set_timer(struct keeper *k, uint64_t seconds)
{
	k->timer = sd_event_source_unref(k->timer);
	if (seconds)
		sd_event_add_time_relative(k->event, &k->timer, CLOCK_MONOTONIC, seconds * US, 0,
		                           on_timer, k);
}

static void flush(struct keeper *k)
{
	bool empty = true;

	if (outbox_flush(&k->outbox, machine_channel(k->machine), &empty, NULL) < 0)
		empty = true;
	sd_event_source_set_io_events(k->io, empty ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

void keeper_stop(void *userdata)
{
	struct keeper *k = userdata;

	if (k->state != SERVING || outbox_put(&k->outbox, FRAME_BYE, "{}", NULL) < 0) {
		end(k, 0);
		return;
	}
	k->state = ENDING;
	set_timer(k, POWEROFF_SECONDS);
	flush(k);
}

static int on_owner(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct keeper *k = userdata;

	(void)fd, (void)events;
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	/* Nobody waits for its last words: it has nothing on a disk that could be lost. */
	end(k, 0);
	return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	(void)source, (void)si;
	end(userdata, 0);
	return 0;
}

void keeper_machine_ended(struct process *p, int code, int status, void *userdata)
{
	struct keeper *k = userdata;
	char how[200];

	(void)p;
	if (k->state == ENDING || (k->spec->alone && code == CLD_EXITED && status == 0)) {
		end(k, 0);
		return;
	}
	machine_describe_end(k->machine, code, status, how, sizeof(how));
	end(k, err_set(k->failure, -EPIPE, "%s", how));
}

/* Whoever has a file of it open in there waits for its answer for ever. */
int keeper_share_ended(sd_event_source *source, const siginfo_t *si, void *userdata)
{
	struct keeper *k = userdata;

	(void)source;
	for (size_t i = 0; i < k->spec->shares; i++) {
		if (k->share[i] != si->si_pid)
			continue;
		k->share[i] = 0;
		if (k->state == ENDING)
			return 0;
		end(k, err_set(k->failure, -EPIPE, "--share %.100s: its process %s %d",
		               k->spec->share[i].host,
		               si->si_code == CLD_EXITED ? "ended with exit status"
		                                         : "was killed by signal",
		               si->si_status));
	}
	return 0;
}

/* ---- the way up ---- */

static void configure(struct keeper *k)
{
	_cleanup_(freep) char *config = NULL;
	int r = td_config(k->spec, k->pccs ? pccs_url(k->pccs) : NULL, &config, k->failure);

	if (r == 0)
		r = outbox_put(&k->outbox, FRAME_TD, config, k->failure);
	if (r < 0) {
		end(k, r);
		return;
	}
	k->state = PREPARING;
	flush(k);
}

static void serving(struct keeper *k, const uint8_t *payload, size_t size)
{
	json_t *o = json_loadb((const char *)payload, size, 0, NULL);
	const json_t *trouble = json_object_get(o, "trouble");
	const char *first = json_string_value(json_array_get(trouble, 0));
	char text[100];

	if (first && k->spec->alone) {
		dprintf(k->spec->console, "\r\ntception: no programs in the TD: %.200s\r\n", first);
	} else if (first) {
		end(k, err_set(k->failure, -EIO, "the TD could not be made ready: %.200s", first));
	} else {
		snprintf(text, sizeof(text), "ready %.1f\n", (double)(now(k) - k->started) / US);
		k->state = SERVING;
		set_timer(k, k->spec->kept_s);
		wires_open(k->wires);
		say(k, text);
	}
	json_decref(o);
}

static void take_frame(struct keeper *k, uint16_t type, const uint8_t *payload, size_t size)
{
	if (type == FRAME_READY && k->state == BOOTING)
		configure(k);
	else if (type == FRAME_SERVING && k->state == PREPARING)
		serving(k, payload, size);
}

/* What the guest says on the evidence channel is little, and of no interest once it serves. */
static int read_control(struct keeper *k)
{
	struct frame_header h;
	ssize_t n =
	        read(machine_channel(k->machine), k->frame + k->have, sizeof(k->frame) - k->have);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -EPIPE; /* QEMU's end says more */
	k->have += (size_t)n;
	while (k->have >= FRAME_HEADER_SIZE) {
		if (frame_header_parse(k->frame, FRAME_HEADER_SIZE, &h, NULL) != FORMAT_OK ||
		    h.length > CONTROL_MAX)
			return err_set(k->failure, -EPROTO, "the guest does not speak frames");
		if (k->have < FRAME_HEADER_SIZE + h.length)
			break;
		take_frame(k, h.type, k->frame + FRAME_HEADER_SIZE, h.length);
		k->have -= FRAME_HEADER_SIZE + h.length;
		memmove(k->frame, k->frame + FRAME_HEADER_SIZE + h.length, k->have);
	}
	return 0;
}

int keeper_control(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct keeper *k = userdata;
	int r = 0;

	(void)fd;
	if (events & EPOLLOUT)
		flush(k);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		r = read_control(k);
	if (r < 0)
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	if (r == -EPROTO)
		end(k, r);
	return 0;
}

static int on_connection(sd_event_source *source, int listener, uint32_t events, void *userdata)
{
	struct keeper *k = userdata;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source, (void)events;
	if (fd >= 0)
		wires_connect(k->wires, fd);
	return 0;
}

/* ---- beginning ---- */

static int watch(struct keeper *k, int owner, struct err *e)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	sigset_t set;
	int r = 0;

	sigemptyset(&set);
	for (size_t i = 0; i < COUNT_OF(ends); i++)
		sigaddset(&set, ends[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (size_t i = 0; i < COUNT_OF(ends) && r >= 0; i++)
		r = sd_event_add_signal(k->event, NULL, ends[i], on_signal, k);
	if (r >= 0 && owner >= 0)
		r = sd_event_add_io(k->event, &k->owner, owner, EPOLLIN, on_owner, k);
	return r < 0 ? err_sys(e, r, "event loop") : 0;
}

static int listen_at_place(struct keeper *k, struct err *e)
{
	k->listen_fd = place_listen(&k->spec->place, e);
	if (k->listen_fd < 0)
		return k->listen_fd;
	return sd_event_add_io(k->event, &k->listener, k->listen_fd, EPOLLIN, on_connection, k);
}

static int begin(struct keeper *k, int owner, struct err *e)
{
	int r = process_signals_init(e);

	if (k->spec->kept)
		k->event = sd_event_ref(k->spec->kept->event);
	else if (r == 0 && (r = sd_event_new(&k->event)) < 0)
		err_sys(e, r, "event loop");
	if (r == 0)
		r = watch(k, owner, e);
	if (r == 0)
		r = keeper_start_services(k, e);
	k->started = r == 0 ? now(k) : 0;
	if (r == 0)
		r = keeper_start_machine(k, e);
	if (r == 0)
		r = listen_at_place(k, e);
	if (r == 0)
		r = td_describe(k->spec, k->pccs ? pccs_url(k->pccs) : NULL, e);
	if (r == 0 && k->spec->alone)
		say(k, "ready 0"); /* when it is ready, whoever sits at its console sees */
	else if (r == 0)
		set_timer(k, (uint64_t)k->spec->boot.boot_deadline_s);
	if (r == 0 && k->spec->kept)
		configure(k); /* its agent has been ready for long */
	return r;
}

static void keeper_done(struct keeper *k)
{
	machine_free(k->machine); /* first: who waits for the end shall find it ended */
	for (size_t i = 0; i < TASK_SHARES; i++) {
		sd_event_source_disable_unref(k->share_end[i]);
		if (k->share[i] > 0 && kill(k->share[i], SIGKILL) == 0)
			waitpid(k->share[i], NULL, 0);
	}
	quotes_free(k->quotes);
	wires_free(k->wires);
	qgs_free(k->qgs);
	pccs_free(k->pccs);
	outbox_done(&k->outbox);
	sd_event_source_unref(k->timer);
	sd_event_source_unref(k->io);
	sd_event_source_unref(k->listener);
	sd_event_source_unref(k->owner);
	closep(&k->listen_fd);
	sd_event_unref(k->event);
}

int td_keep(const struct td_spec *s, int owner, int report, struct err *e)
{
	struct keeper k = {.spec = s, .listen_fd = -1, .report = report, .failure = e};
	int r = begin(&k, owner, e);

	if (r == 0 && (r = sd_event_loop(k.event)) < 0)
		err_sys(e, r, "event loop");
	if (r >= 0)
		r = k.code;
	if (r < 0 && e->text[0] && s->alone && k.report < 0)
		dprintf(s->console, "\r\ntception: %s\r\n", e->text);
	if (r < 0 && e->text[0]) {
		say(&k, e->text);
		if (k.wires)
			wires_say(k.wires, e->text);
	}
	keeper_done(&k);
	closep(&k.report);
	return r;
}
