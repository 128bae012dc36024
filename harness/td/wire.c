/* SPDX-License-Identifier: Apache-2.0 */
#include "td/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "td/td.h"

#define CLIENTS_MAX 32

/* One record on its way, whole before any of it goes on. */
struct parcel {
	uint8_t data[TASK_HEADER_SIZE + TASK_RECORD_MAX];
	size_t have, size, sent; /* size: of all of it, 0 while its header is not there */
};

struct client {
	struct wires *w;
	int fd;
	sd_event_source *io;
	struct port *port; /* NULL: before its first record, or it is to be told the end */
	bool stops;        /* it asked for the end and waits for it */
	struct parcel up, down;
};

struct port {
	struct wires *w;
	int fd;
	sd_event_source *io;
	bool busy; /* a program runs there; perhaps nobody listens any more */
	bool dead;
	struct client *client;
	struct parcel up; /* what is thrown away, when there is no client */
	struct parcel hangup;
};

struct wires {
	sd_event *event;
	struct port port[TASK_PORTS];
	size_t ports;
	bool closed;
	struct client *client[CLIENTS_MAX];
	void (*stop)(void *userdata);
	void *userdata;
};

static const uint8_t hangup[] = {TASK_HANGUP, 0, 0, 0, 0};

/* ---- parcels ---- */

static bool complete(const struct parcel *p)
{
	return p->size && p->have == p->size;
}

/* Reads on; 0, -EAGAIN when there is no more now, -EPROTO, -EPIPE at the end. */
static int parcel_read(struct parcel *p, int fd)
{
	while (!complete(p)) {
		size_t want = (p->size ? p->size : TASK_HEADER_SIZE) - p->have;
		ssize_t n = read(fd, p->data + p->have, want);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? -EAGAIN : -EPIPE;
		if (n == 0)
			return -EPIPE;
		p->have += (size_t)n;
		if (p->have == TASK_HEADER_SIZE && !p->size) {
			uint32_t size = task_get32(p->data + 1);

			if (size > TASK_RECORD_MAX)
				return -EPROTO;
			p->size = TASK_HEADER_SIZE + size;
		}
	}
	return 0;
}

/* Sends on; 0 when all of it is gone and the parcel is free again. */
static int parcel_send(struct parcel *p, int fd)
{
	while (p->sent < p->size) {
		ssize_t n = send(fd, p->data + p->sent, p->size - p->sent, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? -EAGAIN : -EPIPE;
		p->sent += (size_t)n;
	}
	p->have = p->size = p->sent = 0;
	return 0;
}

static void parcel_put(struct parcel *p, const void *data, size_t size)
{
	memcpy(p->data, data, size);
	p->have = p->size = size;
	p->sent = 0;
}

/* ---- who is connected ---- */

static void watch(struct port *p)
{
	struct client *c = p->client;
	bool down = c && complete(&c->down);

	sd_event_source_set_io_events(p->io, (!c || !complete(&c->up) ? EPOLLIN : 0) |
	                                             (down || complete(&p->hangup) ? EPOLLOUT : 0));
	if (c)
		sd_event_source_set_io_events(c->io, (down ? 0 : EPOLLIN) |
		                                             (complete(&c->up) ? EPOLLOUT : 0));
}

/* A record that the guest was being given is given whole: the port goes on. */
static void client_free(struct client *c)
{
	struct wires *w = c->w;
	struct port *p = c->port;

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (w->client[i] == c)
			w->client[i] = NULL;
	}
	if (p) {
		p->client = NULL;
		p->up = c->up;
		p->up.sent = 0;
		if (complete(&c->down) && c->down.sent)
			parcel_put(&p->hangup, c->down.data + c->down.sent,
			           c->down.size - c->down.sent);
		if (p->busy) {
			size_t n = p->hangup.size;

			if (n + sizeof(hangup) <= sizeof(p->hangup.data)) {
				memcpy(p->hangup.data + n, hangup, sizeof(hangup));
				p->hangup.have = p->hangup.size = n + sizeof(hangup);
			}
		}
		watch(p);
	}
	sd_event_source_disable_unref(c->io);
	close(c->fd);
	free(c);
}

static void refuse(struct client *c, const char *errname, int number)
{
	char text[100];
	uint8_t header[TASK_HEADER_SIZE];
	int n = snprintf(text, sizeof(text), "{\"started\":false,\"errno\":%d,\"errname\":\"%s\"}",
	                 number, errname);

	task_header(header, TASK_END, (uint32_t)n);
	parcel_put(&c->up, header, sizeof(header));
	memcpy(c->up.data + sizeof(header), text, (size_t)n);
	c->up.have = c->up.size = sizeof(header) + (size_t)n;
	sd_event_source_set_io_events(c->io, EPOLLOUT);
}

/* ---- the guest's side ---- */

static void port_dead(struct port *p)
{
	p->dead = true;
	p->io = sd_event_source_disable_unref(p->io);
	if (p->client) {
		struct client *c = p->client;

		p->client = NULL;
		c->port = NULL;
		refuse(c, "EPROTO", EPROTO);
	}
}

static void port_free(struct port *p)
{
	struct client *c = p->client;

	p->busy = false;
	p->client = NULL;
	if (!c)
		return;
	c->port = NULL; /* it still has END to be told */
	sd_event_source_set_io_events(c->io, EPOLLOUT);
}

static int port_read(struct port *p)
{
	struct parcel *up = p->client ? &p->client->up : &p->up;
	int r = parcel_read(up, p->fd);

	if (r == -EAGAIN)
		return 0;
	if (r < 0 || !p->busy || up->data[0] >= TD_STOP)
		return -EPROTO;
	if (up->data[0] == TASK_END)
		port_free(p);
	if (up == &p->up)
		up->have = up->size = 0;
	return 0;
}

static int port_write(struct port *p)
{
	struct parcel *down = complete(&p->hangup) ? &p->hangup
	                      : p->client          ? &p->client->down
	                                           : NULL;
	int r = down && complete(down) ? parcel_send(down, p->fd) : 0;

	return r == -EAGAIN ? 0 : r;
}

static int on_port(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct port *p = userdata;
	int r = 0;

	(void)source, (void)fd;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		r = port_read(p);
	if (r == 0 && events & EPOLLOUT)
		r = port_write(p);
	if (r < 0)
		port_dead(p);
	else
		watch(p);
	return 0;
}

/* ---- the client's side ---- */

static void first_record(struct client *c)
{
	struct wires *w = c->w;
	struct port *p = NULL;

	if (c->down.data[0] == TD_STOP) {
		c->stops = true;
		c->down.have = c->down.size = 0;
		if (w->stop)
			w->stop(w->userdata);
		return;
	}
	for (size_t i = 0; i < w->ports && !p; i++) {
		if (!w->port[i].busy && !w->port[i].dead && !complete(&w->port[i].hangup))
			p = &w->port[i];
	}
	if (w->closed) {
		refuse(c, "ENOTCONN", ENOTCONN);
		return;
	}
	if (c->down.data[0] != TASK_RUN || !p) {
		refuse(c, p ? "EPROTO" : "EBUSY", p ? EPROTO : EBUSY);
		return;
	}
	p->busy = true;
	p->client = c;
	p->up.have = p->up.size = 0;
	c->port = p;
	watch(p);
}

static int client_read(struct client *c)
{
	int r;

	if (complete(&c->down))
		return 0;
	r = parcel_read(&c->down, c->fd);
	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return r;
	if (!c->port)
		first_record(c);
	else
		watch(c->port);
	return 0;
}

/* -EPIPE when it is over: END was all that was left to be said. */
static int client_write(struct client *c)
{
	int r = complete(&c->up) ? parcel_send(&c->up, c->fd) : 0;

	if (r == 0 && !c->port)
		return -EPIPE;
	return r == -EAGAIN ? 0 : r;
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct client *c = userdata;
	int r = 0;

	(void)source, (void)fd;
	if (events & EPOLLOUT)
		r = client_write(c);
	if (r == 0 && events & EPOLLIN)
		r = client_read(c);
	else if (r == 0 && events & (EPOLLHUP | EPOLLERR))
		r = -EPIPE;
	if (r < 0)
		client_free(c);
	else if (c->port)
		watch(c->port);
	return 0;
}

void wires_connect(struct wires *w, int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	size_t slot = 0;

	while (slot < CLIENTS_MAX && w->client[slot])
		slot++;
	if (!c || slot == CLIENTS_MAX || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	    sd_event_add_io(w->event, &c->io, fd, EPOLLIN, on_client, c) < 0) {
		free(c);
		close(fd);
		return;
	}
	c->w = w;
	c->fd = fd;
	w->client[slot] = c;
}

/* ---- all of them ---- */

int wires_new(sd_event *event, const int *ports, size_t count, bool closed, struct wires **ret,
              struct err *e)
{
	struct wires *w = calloc(1, sizeof(*w));
	int r = 0;

	if (!w)
		return err_nomem(e);
	w->event = sd_event_ref(event);
	w->closed = closed;
	w->ports = count < TASK_PORTS ? count : TASK_PORTS;
	for (size_t i = 0; i < w->ports; i++) {
		struct port *p = &w->port[i];

		p->w = w;
		p->fd = ports[i];
		if (r == 0)
			r = fcntl(p->fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
		if (r == 0)
			r = sd_event_add_io(event, &p->io, p->fd, EPOLLIN, on_port, p);
	}
	if (r < 0) {
		wires_free(w);
		return err_sys(e, r, "ports of programs");
	}
	*ret = w;
	return 0;
}

void wires_open(struct wires *w)
{
	w->closed = false;
}

void wires_say(struct wires *w, const char *why)
{
	size_t size = strnlen(why, TASK_RECORD_MAX);

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = w->client[i];

		/* What is begun is ended, or all behind it would be misread. */
		if (!c || c->stops || (c->up.sent && parcel_send(&c->up, c->fd) < 0))
			continue;
		task_header(c->up.data, (enum task_record)TD_ENDED, (uint32_t)size);
		memcpy(c->up.data + TASK_HEADER_SIZE, why, size);
		c->up.have = c->up.size = TASK_HEADER_SIZE + size;
		parcel_send(&c->up, c->fd);
	}
}

void wires_on_stop(struct wires *w, void (*stop)(void *userdata), void *userdata)
{
	w->stop = stop;
	w->userdata = userdata;
}

void wires_free(struct wires *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (w->client[i]) {
			w->client[i]->port = NULL;
			client_free(w->client[i]);
		}
	}
	for (size_t i = 0; i < w->ports; i++) {
		sd_event_source_disable_unref(w->port[i].io);
		close(w->port[i].fd);
	}
	sd_event_unref(w->event);
	free(w);
}
