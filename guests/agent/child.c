/* SPDX-License-Identifier: Apache-2.0 */
/* Entering the next layer: start it, hand it its VISIT, relay what comes out, end it in time. */
#include "agent/child.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/container.h"
#include "agent/driver.h"
#include "agent/held.h"
#include "agent/launch.h"
#include "agent/terminal.h"
#include "agent/util.h"
#include "format/scan.h"

#define FLUSH_MS   40  /* small pieces wait this long for more */
#define LINGER_MS  500 /* for output after the process itself has ended */
#define LAST_WORDS 300 /* bytes of its console that go into LEFT */
#define TICK_MS    20

/* One of the child's outputs, gathered into frames. */
struct stream {
	int *fd; /* -1 at its end */
	enum frame_type type;
	uint8_t *data;
	size_t used;
	int64_t since; /* when the first of these bytes came */
	uint64_t total;
	char last[LAST_WORDS]; /* its end, for LEFT */
	size_t last_used;
};

/* What goes into its channel: all that is to come, unless `open`. */
struct feed {
	char *data;
	size_t size, sent;
	uint32_t next; /* sequence of the frame after it */
	bool open;
};

struct child {
	struct channel *channel;
	const struct visit *visit;
	const struct driver *driver;
	struct entry entry;
	struct process process;
	struct stream out, err;
	struct held held;
	struct feed feed;
	struct frame_scanner scanner; /* over what it sends, while `feed` is open */
	bool asks, answered;          /* for a secret, once it waits for one; it was passed on */
	bool keyed;                   /* it has named the key of its own, which is measured */
	json_int_t tag;
	int64_t begun;
	bool ended, timeout, flood;
	int status;
	struct trouble trouble;
};

static int stream_flush(struct child *child, struct stream *s)
{
	if (s->used == 0)
		return 0;
	json_t *object = json_pack("{s:I,s:o}", "child", child->tag, "data",
	                           util_json_base64(s->data, s->used));
	s->used = 0;
	if (s->type == FRAME_RELAY)
		held_look(&child->held, s->since);
	return channel_send(child->channel, s->type, object);
}

static void stream_remember(struct stream *s, const uint8_t *data, size_t size)
{
	size_t n = size < LAST_WORDS ? size : LAST_WORDS;
	size_t keep = s->last_used + n > LAST_WORDS ? LAST_WORDS - n : s->last_used;

	memmove(s->last, s->last + s->last_used - keep, keep);
	memcpy(s->last + keep, data + size - n, n);
	s->last_used = keep + n;
}

/* ---- a secret on its way through ---- */
static int feed_frame(struct feed *f, enum frame_type type, const json_t *object)
{
	_cleanup_(util_freep) char *frame = NULL;
	size_t size = 0;
	int r = channel_encode(type, f->next, object, &frame, &size);
	char *more = r < 0 ? NULL : realloc(f->data, f->size + size);

	if (!more)
		return r < 0 ? r : -ENOMEM;
	memcpy(more + f->size, frame, size);
	f->data = more;
	f->size += size;
	f->next++;
	return 0;
}

static int feed_end(struct feed *f)
{
	_cleanup_(util_json_decrefp) json_t *empty = json_object();

	f->open = false;
	return feed_frame(f, FRAME_BYE, empty);
}

/* A measured layer's first key goes into RTMR3; it waits for that. What it said before is out. */
static int measure_key(struct child *child)
{
	_cleanup_(util_json_decrefp) json_t *empty = json_object();
	uint8_t digest[SHA256_SIZE];
	int r;

	if (child->keyed || !child->entry.visit->secret ||
	    !layer_has(&child->entry.layer, GRANT_MEASURED))
		return 0;
	child->keyed = true;
	sha256_final(&child->scanner.key, digest);
	r = launch_measure_key(child->channel, child->entry.visit, digest);
	return r == 0 ? feed_frame(&child->feed, FRAME_KEYED, empty) : r;
}

/* Headers alone are looked at: whether it waits for a secret now, or is done without one. */
static int follow(struct child *child, const uint8_t *data, size_t size)
{
	int r = 0;

	while (r == 0 && size > 0 && child->feed.open) {
		size_t used;
		enum scan_result result = frame_scan(&child->scanner, data, size, &used);

		data += used;
		size -= used;
		child->asks |= result == SCAN_ASK;
		if (result == SCAN_KEY)
			r = measure_key(child);
		if (result == SCAN_DONE || result == SCAN_GARBAGE)
			r = feed_end(&child->feed);
	}
	return r;
}

/* What it asked before is out; so is the question, in our own name. */
static int pass_question(struct child *child)
{
	int r = stream_flush(child, &child->out);

	return r < 0 ? r
	             : channel_send(child->channel, FRAME_ASK,
	                            json_pack("{s:I}", "child", child->tag));
}

static int pass_answer(struct child *child)
{
	_cleanup_(util_json_decrefp) json_t *answer = NULL;
	uint16_t type = 0;
	int r = channel_receive(child->channel, &type, &answer);

	if (r == 0 && type != FRAME_SECRET)
		r = -EPROTO;
	if (r == 0 && child->feed.open)
		r = feed_frame(&child->feed, FRAME_SECRET, answer);
	child->answered = true;
	return r == 0 && child->feed.open ? feed_end(&child->feed) : r;
}

/* Takes what has come; sends a frame when it is full, old enough, or the last one. */
static int stream_read(struct child *child, struct stream *s)
{
	while (*s->fd >= 0) {
		ssize_t n = read(*s->fd, s->data + s->used, FRAME_RELAY_CHUNK - s->used);
		if (n < 0 && errno != EINTR)
			break;
		if (n == 0) {
			close(*s->fd);
			*s->fd = -1;
		}
		if (n <= 0)
			continue;
		if (s->used == 0)
			s->since = util_now_ms();
		stream_remember(s, s->data + s->used, (size_t)n);
		if (s == &child->out) {
			int r = follow(child, s->data + s->used, (size_t)n);
			if (r < 0)
				return r;
		}
		s->used += (size_t)n;
		s->total += (uint64_t)n;
		if (s->used == FRAME_RELAY_CHUNK ||
		    child->out.total + child->err.total > CHILD_BYTES_MAX)
			break;
	}
	if (s->used == FRAME_RELAY_CHUNK || *s->fd < 0 || util_now_ms() - s->since >= FLUSH_MS)
		return stream_flush(child, s);
	return 0;
}

/* Its input goes in as it takes it; the pipe stays open until the end. */
static void feed_write(struct feed *f, const struct process *p)
{
	while (f->sent < f->size && p->in >= 0) {
		ssize_t n = write(p->in, f->data + f->sent, f->size - f->sent);
		if (n < 0 && errno != EINTR)
			break;
		f->sent += n > 0 ? (size_t)n : 0;
	}
}

static void stop(struct child *child)
{
	if (child->driver->stop)
		child->driver->stop(&child->entry);
	process_kill(&child->process);
	for (int i = 0; i < 100 && !child->ended; i++) {
		child->ended = process_ended(&child->process, &child->status);
		if (!child->ended)
			util_sleep_ms(TICK_MS);
	}
}

/* Takes what its outputs have, and an answer to what it asked; waits a tick for either. */
static int relay_once(struct child *child)
{
	const bool waits = child->asks && !child->answered;
	struct pollfd fds[] = {{.fd = child->process.out, .events = POLLIN},
	                       {.fd = child->process.err, .events = POLLIN},
	                       {.fd = waits ? child->channel->in : -1, .events = POLLIN}};
	const bool asked = child->asks;
	int r;

	if (child->out.total > 0 || !child->driver->speaks_first)
		feed_write(&child->feed, &child->process);
	poll(fds, COUNT_OF(fds), TICK_MS);
	r = stream_read(child, &child->out);
	if (r == 0 && child->asks && !asked)
		r = pass_question(child);
	if (r == 0 && fds[2].revents & POLLIN)
		r = pass_answer(child);
	return r == 0 ? stream_read(child, &child->err) : r;
}

/* Until the process and its outputs have ended, or a bound is passed. */
static int relay(struct child *child)
{
	struct process *p = &child->process;
	int64_t end = child->entry.end_ms;
	int r = 0;

	while (r == 0 && (!child->ended || p->out >= 0 || p->err >= 0)) {
		int64_t now = util_now_ms();
		if (now >= end)
			break;
		r = relay_once(child);
		child->flood = child->out.total + child->err.total > CHILD_BYTES_MAX;
		if (child->flood)
			break;
		if (!child->ended && process_ended(p, &child->status)) {
			child->ended = true;
			end = now + LINGER_MS < end ? now + LINGER_MS : end;
		}
	}
	child->timeout = !child->ended && !child->flood && r == 0;
	if (!child->ended)
		stop(child);
	if (r == 0)
		r = stream_flush(child, &child->out);
	return r == 0 ? stream_flush(child, &child->err) : r;
}

static int send_enter(struct child *child)
{
	const struct entry *e = &child->entry;
	const struct command *command = &e->command;
	json_t *argv = json_array();

	for (size_t i = 0; i < command->count; i++)
		json_array_append_new(argv,
		                      util_json_text(command->argv[i], strlen(command->argv[i])));
	return channel_send(child->channel, FRAME_ENTER,
	                    json_pack("{s:I,s:s,s:s,s:s,s:I,s:o}", "child", child->tag, "layer",
	                              e->visit->id, "driver", e->layer.kind->name, "name", e->name,
	                              "uptime_ms", (json_int_t)util_uptime_ms(), "argv", argv));
}

static int send_left(struct child *child)
{
	bool exited = child->ended && WIFEXITED(child->status);
	bool killed = child->ended && WIFSIGNALED(child->status);

	json_t *left =
	        json_pack("{s:I,s:s,s:b,s:o,s:o,s:b,s:f,s:s,s:o}", "child", child->tag, "layer",
	                  child->entry.visit->id, "started", child->out.total > 0, "exit",
	                  exited ? json_integer(WEXITSTATUS(child->status)) : json_null(), "signal",
	                  killed ? json_integer(WTERMSIG(child->status)) : json_null(), "timeout",
	                  child->timeout, "seconds", (double)(util_now_ms() - child->begun) / 1e3,
	                  "step", child->trouble.step, "reason",
	                  util_json_text(child->trouble.reason, strlen(child->trouble.reason)));

	held_add(&child->held, left);
	return channel_send(child->channel, FRAME_LEFT, left);
}

/* What became of it, in words, unless a failed preparation has said so already. */
static void explain(struct child *child)
{
	const struct stream *err = &child->err;
	const char *last = err->last;
	size_t n = err->last_used;
	bool exited = child->ended && WIFEXITED(child->status);

	while (n && (unsigned char)last[n - 1] <= ' ')
		n--;
	if (child->flood)
		trouble_set(&child->trouble, 0, "run", "killed: it sent more than %u MiB",
		            CHILD_BYTES_MAX >> 20);
	else if (child->timeout)
		trouble_set(&child->trouble, 0, "run", "killed after %d ms: %.*s",
		            child->entry.visit->deadline_ms, (int)n, last);
	else if (exited && (WEXITSTATUS(child->status) == 0 ||
	                    WEXITSTATUS(child->status) == child->driver->good_exit))
		trouble_set(&child->trouble, 0, "done", "%s", "");
	else
		trouble_set(&child->trouble, 0, child->out.total ? "run" : "enter", "%.*s", (int)n,
		            last);
}

static int run(struct child *child)
{
	const struct entry *e = &child->entry;
	struct feed *f = &child->feed;
	bool ready = true;
	int r = send_enter(child);

	if (r == 0 && layer_has(&e->layer, GRANT_MEASURED))
		r = launch_measure(child->channel, e, &ready, &child->trouble);
	if (r < 0 || !ready)
		return r;
	child->out = (struct stream){
	        .fd = &child->process.out, .type = FRAME_RELAY, .data = malloc(FRAME_RELAY_CHUNK)};
	child->err = (struct stream){
	        .fd = &child->process.err, .type = FRAME_STDERR, .data = malloc(FRAME_RELAY_CHUNK)};
	*f = (struct feed){.next = 1, .open = visit_asks(child->visit, 1)};
	sha256_init(&child->scanner.digest);
	int started = visit_for_child(child->visit, 1, &f->data, &f->size);
	if (started == 0 && !f->open && !child->visit->terminal)
		started = feed_end(f);
	if (started == 0 && (!child->out.data || !child->err.data))
		started = -ENOMEM;
	held_start(&child->held);
	if (started == 0)
		started = process_start(&e->command, e->name, &child->process);
	if (started < 0) {
		trouble_set(&child->trouble, 0, "start", "%s: %s", e->command.argv[0],
		            strerror(-started));
	} else {
		if (child->visit->terminal)
			r = terminal_relay(&child->process, f->data, f->size, &child->out.total,
			                   &child->status);
		else
			r = relay(child);
		child->ended |= child->visit->terminal;
		explain(child);
		process_done(&child->process);
	}
	free(child->out.data);
	free(child->err.data);
	free(f->data);
	return r;
}

/* What its engine wants, then what it wants itself. */
static int prepare(struct child *child)
{
	struct entry *e = &child->entry;
	int r = visit_read_layer(e->visit, &e->layer, &child->trouble);

	if (r < 0)
		return r;
	child->driver = driver_find(&e->layer);
	if (!child->driver)
		return trouble_set(&child->trouble, -EINVAL, "driver", "no driver for '%s'",
		                   e->layer.kind->name);
	for (size_t i = 0; r == 0 && i < COUNT_OF(child->driver->daemons); i++) {
		const struct daemon *d = child->driver->daemons[i];
		if (d && layer_mode_in(&e->layer, d->modes))
			r = daemon_need(d, e->end_ms, &child->trouble);
	}
	return r == 0 ? child->driver->prepare(e, &child->trouble) : r;
}

/* Puts back whatever was made for it. */
static void clean(struct child *child)
{
	struct entry *e = &child->entry;

	if (child->driver && child->driver->clean)
		child->driver->clean(e);
	broker_stop(&e->broker);
	container_undo(&e->container);
	command_done(&e->command);
}

int child_enter(struct channel *c, const struct visit *visit)
{
	static unsigned counter; /* tags are unique on this channel */
	struct child child = {.channel = c,
	                      .visit = visit,
	                      .entry = {.visit = &visit->layer[1]},
	                      .tag = counter++,
	                      .begun = util_now_ms(),
	                      .process = {.pid = -1, .in = -1, .out = -1, .err = -1}};
	int r = 0;

	held_begin(&child.held);
	child.entry.end_ms = child.begun + child.entry.visit->deadline_ms;
	snprintf(child.entry.name, sizeof(child.entry.name), "tception-%d-%u", (int)getpid(),
	         counter);
	int ready = prepare(&child);
	if (ready == 0)
		r = run(&child);
	child.timeout |= ready == -ETIMEDOUT;
	clean(&child);
	if (visit->terminal && strcmp(child.trouble.step, "done") != 0)
		util_log("%s: %s: %s", child.entry.visit->id, child.trouble.step,
		         child.trouble.reason);
	return r == 0 ? send_left(&child) : r;
}
