/* SPDX-License-Identifier: Apache-2.0 */
#include "td/quotes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "format/task.h"

#define LENGTH_SIZE      4
#define SERVICE_DEADLINE 30000000ull /* microseconds, as QEMU's for GetQuote */

struct quotes {
	sd_event *event;
	int port, service; /* service: -1 while nothing is asked */
	sd_event_source *port_io, *service_io, *timer;
	struct sockaddr_un address;
	uint8_t data[LENGTH_SIZE + TASK_QUOTE_MAX]; /* the request, then the answer */
	size_t have, sent;
	enum { REQUEST, ASKING, ANSWERING, REPLY } state;
};

static size_t request_size(const struct quotes *q)
{
	return q->have < LENGTH_SIZE ? LENGTH_SIZE : LENGTH_SIZE + task_get32(q->data);
}

static void end_service(struct quotes *q)
{
	q->service_io = sd_event_source_disable_unref(q->service_io);
	q->timer = sd_event_source_disable_unref(q->timer);
	if (q->service >= 0)
		close(q->service);
	q->service = -1;
}

/* What came from the service so far is the answer; an incomplete one the client can tell. */
static void reply(struct quotes *q)
{
	end_service(q);
	task_put32(q->data, (uint32_t)(q->have - LENGTH_SIZE));
	q->sent = 0;
	q->state = REPLY;
	sd_event_source_set_io_events(q->port_io, EPOLLOUT);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct quotes *q = userdata;

	(void)source, (void)usec;
	q->have = LENGTH_SIZE;
	reply(q);
	return 0;
}

static void ask(struct quotes *q)
{
	ssize_t n = send(q->service, q->data + q->sent, q->have - q->sent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		q->have = LENGTH_SIZE;
		reply(q);
		return;
	}
	q->sent += n > 0 ? (size_t)n : 0;
	if (q->sent < q->have)
		return;
	q->state = ANSWERING;
	q->have = LENGTH_SIZE;
	sd_event_source_set_io_events(q->service_io, EPOLLIN);
}

static void hear(struct quotes *q)
{
	ssize_t n = read(q->service, q->data + q->have, sizeof(q->data) - q->have);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		q->have += (size_t)n;
	else
		reply(q);
}

static int on_service(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct quotes *q = userdata;

	(void)source, (void)fd, (void)events;
	if (q->state == ASKING)
		ask(q);
	else if (q->state == ANSWERING)
		hear(q);
	return 0;
}

static void connect_service(struct quotes *q)
{
	q->state = ASKING;
	q->sent = LENGTH_SIZE; /* the length was for us */
	q->service = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (q->service < 0 ||
	    connect(q->service, (struct sockaddr *)&q->address, sizeof(q->address)) < 0 ||
	    sd_event_add_io(q->event, &q->service_io, q->service, EPOLLOUT, on_service, q) < 0 ||
	    sd_event_add_time_relative(q->event, &q->timer, CLOCK_MONOTONIC, SERVICE_DEADLINE, 0,
	                               on_deadline, q) < 0) {
		q->have = LENGTH_SIZE;
		reply(q);
		return;
	}
	sd_event_source_set_io_events(q->port_io, 0);
}

/* -EPROTO when the guest does not keep to it: then its port is of no more use. */
static int port_read(struct quotes *q)
{
	ssize_t n;

	if (request_size(q) > sizeof(q->data))
		return -EPROTO;
	n = read(q->port, q->data + q->have, request_size(q) - q->have);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -EPROTO;
	q->have += (size_t)n;
	if (request_size(q) > sizeof(q->data))
		return -EPROTO;
	if (q->have > LENGTH_SIZE && q->have == request_size(q))
		connect_service(q);
	return 0;
}

static int port_write(struct quotes *q)
{
	ssize_t n = send(q->port, q->data + q->sent, q->have - q->sent, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	q->sent += (size_t)n;
	if (q->sent == q->have) {
		q->have = q->sent = 0;
		q->state = REQUEST;
		sd_event_source_set_io_events(q->port_io, EPOLLIN);
	}
	return 0;
}

static int on_port(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct quotes *q = userdata;
	int r = 0;

	(void)source, (void)fd, (void)events;
	if (q->state == REQUEST)
		r = port_read(q);
	else if (q->state == REPLY)
		r = port_write(q);
	if (r < 0)
		q->port_io = sd_event_source_disable_unref(q->port_io);
	return 0;
}

int quotes_new(sd_event *event, int port, const char *qgs_socket, struct quotes **ret,
               struct err *e)
{
	struct quotes *q = calloc(1, sizeof(*q));
	int r = q ? 0 : -ENOMEM;

	if (!q) {
		close(port);
		return err_nomem(e);
	}
	q->event = sd_event_ref(event);
	q->port = port;
	q->service = -1;
	q->address.sun_family = AF_UNIX;
	if (strlen(qgs_socket) >= sizeof(q->address.sun_path))
		r = -ENAMETOOLONG;
	else
		strcpy(q->address.sun_path, qgs_socket);
	if (r == 0 && fcntl(port, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r == 0)
		r = sd_event_add_io(event, &q->port_io, port, EPOLLIN, on_port, q);
	if (r < 0) {
		quotes_free(q);
		return err_sys(e, r, "%s", qgs_socket);
	}
	*ret = q;
	return 0;
}

void quotes_free(struct quotes *q)
{
	if (!q)
		return;
	end_service(q);
	sd_event_source_disable_unref(q->port_io);
	close(q->port);
	sd_event_unref(q->event);
	free(q);
}
