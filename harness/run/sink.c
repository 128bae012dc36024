/* SPDX-License-Identifier: Apache-2.0 */
#include "run/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"

struct sink {
	sd_event_source *source;
	sd_event *event;
	int fd;
	int file;
	uint64_t written;
	uint64_t limit;
	uint64_t last_usec;
	bool full;
	size_t tail_size;
	char tail[SINK_TAIL];
};

/* Diagnostics, not evidence: a failed write costs the rest of the log, not the run. */
static void store(struct sink *s, const char *data, size_t size)
{
	static const char note[] = "\n[log limit reached, the rest was dropped]\n";
	size_t take = size;

	if (s->full)
		return;
	if (take > s->limit - s->written)
		take = (size_t)(s->limit - s->written);
	if (take > 0 && write(s->file, data, take) != (ssize_t)take) {
		s->full = true;
		return;
	}
	s->written += take;
	if (take < size) {
		s->full = true;
		if (write(s->file, note, sizeof(note) - 1) < 0)
			return;
	}
}

static void remember(struct sink *s, const char *data, size_t size)
{
	if (size >= SINK_TAIL) {
		memcpy(s->tail, data + size - SINK_TAIL, SINK_TAIL);
		s->tail_size = SINK_TAIL;
		return;
	}
	if (s->tail_size + size > SINK_TAIL) {
		size_t drop = s->tail_size + size - SINK_TAIL;

		memmove(s->tail, s->tail + drop, s->tail_size - drop);
		s->tail_size -= drop;
	}
	memcpy(s->tail + s->tail_size, data, size);
	s->tail_size += size;
}

/* One read; returns whether there may be more. */
static bool take(struct sink *s)
{
	char buffer[16384];
	ssize_t n = read(s->fd, buffer, sizeof(buffer));

	if (n < 0)
		return errno == EINTR;
	if (n == 0) {
		sd_event_source_set_enabled(s->source, SD_EVENT_OFF);
		return false;
	}
	sd_event_now(s->event, CLOCK_MONOTONIC, &s->last_usec);
	store(s, buffer, (size_t)n);
	remember(s, buffer, (size_t)n);
	return true;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)fd;
	if (!take(userdata) && (events & EPOLLERR))
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

int sink_new(sd_event *event, int fd, int dir_fd, const char *name, uint64_t limit,
             struct sink **ret, struct err *e)
{
	struct sink *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		close(fd);
		return err_nomem(e);
	}
	s->fd = fd;
	s->limit = limit;
	s->event = sd_event_ref(event);
	s->file = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (s->file < 0) {
		r = err_sys(e, -errno, "%s", name);
		sink_free(s);
		return r;
	}
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		r = -errno;
	else
		r = sd_event_add_io(event, &s->source, fd, EPOLLIN, on_readable, s);
	if (r < 0) {
		sink_free(s);
		return err_sys(e, r, "watching for %s", name);
	}
	*ret = s;
	return 0;
}

void sink_drain(struct sink *s)
{
	/* Bounded: a guest that writes faster than we read must not keep us here. */
	for (int i = 0; i < 64 && take(s); i++)
		;
}

void sink_free(struct sink *s)
{
	if (!s)
		return;
	sd_event_source_unref(s->source);
	sd_event_unref(s->event);
	close(s->fd);
	if (s->file >= 0)
		close(s->file);
	free(s);
}

/* Terminal sequences and bytes that are no text must not get any further than the file. */
static char plain(char c)
{
	return c == '\n' || c == '\t' || (c >= ' ' && c <= '~') ? c : '?';
}

char *sink_tail(const struct sink *s, unsigned lines)
{
	size_t end = s->tail_size, start;
	char *text, *out;

	while (end > 0 && (s->tail[end - 1] == '\n' || s->tail[end - 1] == '\r'))
		end--;
	for (start = end; start > 0; start--) {
		if (s->tail[start - 1] == '\n' && --lines == 0)
			break;
	}
	text = out = malloc(end - start + 1);
	if (!text)
		return NULL;
	for (; start < end; start++) {
		if (s->tail[start] != '\r')
			*out++ = plain(s->tail[start]);
	}
	*out = 0;
	return text;
}

uint64_t sink_last_usec(const struct sink *s)
{
	return s->last_usec;
}
