// SPDX-License-Identifier: Apache-2.0
#include "run/getquote.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "core/cleanup.h"
#include "format/qgs.h"
#include "format/tdxemu.h"

#define DEADLINE_MS 30000
#define POLL_MS     200
#define PAGE        4096u
#define HIGH        (4ull << 30)          /* where RAM goes on above the hole */
#define BUFFER_MAX  ((128u << 10) + PAGE) /* bytes; Linux asks for 128 KiB at most */
#define REQUEST     (QGS_LENGTH_SIZE + QGS_QUOTE_REQUEST_SIZE)
#define ANSWER_MAX  (QGS_LENGTH_SIZE + QGS_MESSAGE_MAX)

/* One request on its way: where its buffer is, and the conversation with the quoting service. */
struct exchange {
	uint64_t request; /* the mailbox's counter */
	uint64_t started; /* usec, CLOCK_MONOTONIC */
	uint8_t *buffer;  /* in the mapping; NULL when the guest's range is not RAM */
	uint64_t size;
	int fd;
	sd_event_source *io, *deadline;
	uint8_t out[REQUEST];
	size_t sent;
	uint8_t in[ANSWER_MAX];
	size_t received;
};

struct getquote {
	sd_event *event;
	struct getquote_config config;
	struct sockaddr_un service;
	uint8_t *ram;
	struct tdxemu_mailbox *mailbox; /* written by the guest's side at any time */
	int doorbell_fd;
	sd_event_source *doorbell, *poll;
	bool busy;
	struct exchange x; /* while busy */
};

static void look(struct getquote *g);

/* ---- the guest's side ---- */

/* Where guest-physical [gpa, gpa + size) is in the mapping; NULL unless all of it is
 * the TD's RAM. */
static uint8_t *td_ram(const struct getquote *g, uint64_t gpa, uint64_t size)
{
	uint64_t memory = g->config.ram_size - TDXEMU_MEMORY, low = g->config.low;

	if (gpa % PAGE || size % PAGE || !size || size > BUFFER_MAX)
		return NULL;
	if (gpa < low)
		return size <= low - gpa ? g->ram + gpa : NULL;
	if (gpa < HIGH || gpa - HIGH >= memory - low || size > memory - low - (gpa - HIGH))
		return NULL;
	return g->ram + low + (gpa - HIGH);
}

/* The quote, then the status, then the mailbox's counter: each seen only after what
 * it stands for. */
static void finish(struct getquote *g, uint64_t status, const uint8_t *quote, size_t quote_size,
                   const char *why)
{
	struct exchange *x = &g->x;
	struct getquote_answer answer = {.request = x->request, .status = status};
	uint64_t now = x->started;

	if (x->buffer) {
		struct get_quote_header *header = (struct get_quote_header *)x->buffer;

		if (quote_size)
			memcpy(x->buffer + sizeof(*header), quote, quote_size);
		__atomic_store_n(&header->out_length, (uint32_t)quote_size, __ATOMIC_RELAXED);
		__atomic_store_n(&header->status, status, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&g->mailbox->answered, x->request, __ATOMIC_RELEASE);
	x->io = sd_event_source_disable_unref(x->io);
	x->deadline = sd_event_source_disable_unref(x->deadline);
	closep(&x->fd);
	g->busy = false;
	sd_event_now(g->event, CLOCK_MONOTONIC, &now);
	answer.quote_size = quote_size;
	answer.usec = now - x->started;
	snprintf(answer.text, sizeof(answer.text), "%s", why);
	if (g->config.answered)
		g->config.answered(&answer, g->config.userdata);
}

static void fail(struct getquote *g, const char *why)
{
	finish(g, GET_QUOTE_ERROR, NULL, 0, why);
}

static void unavailable(struct getquote *g, const char *why)
{
	finish(g, GET_QUOTE_SERVICE_UNAVAILABLE, NULL, 0, why);
}

/* ---- the quoting service's side ---- */

/* A whole message is in x->in. */
static void take_answer(struct getquote *g)
{
	struct exchange *x = &g->x;
	const uint8_t *quote;
	size_t quote_size;
	uint32_t error;
	char text[80];
	enum format_code code =
	        qgs_response_parse(x->in + QGS_LENGTH_SIZE, x->received - QGS_LENGTH_SIZE, &error,
	                           &quote, &quote_size, NULL);

	if (code != FORMAT_OK) {
		snprintf(text, sizeof(text), "the quoting service's answer: %s",
		         format_code_name(code));
		fail(g, text);
	} else if (error != QGS_OK) {
		snprintf(text, sizeof(text), "the quoting service refused: error 0x%x", error);
		fail(g, text);
	} else if (quote_size == 0 || quote_size > x->size - sizeof(struct get_quote_header)) {
		fail(g, "the quote is empty or larger than the guest's buffer");
	} else {
		finish(g, GET_QUOTE_SUCCESS, quote, quote_size, "");
	}
}

/* Bytes that the answer needs as far as is known, 0 when it is more than any answer has. */
static size_t answer_size(const struct exchange *x)
{
	uint32_t length;

	if (x->received < QGS_LENGTH_SIZE)
		return QGS_LENGTH_SIZE;
	memcpy(&length, x->in, sizeof(length));
	length = ntohl(length);
	return length <= QGS_MESSAGE_MAX ? QGS_LENGTH_SIZE + length : 0;
}

static void receive_some(struct getquote *g)
{
	struct exchange *x = &g->x;
	size_t want;
	ssize_t n;

	while ((want = answer_size(x)) > x->received) {
		n = recv(x->fd, x->in + x->received, want - x->received, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			fail(g, "the quoting service hung up before its answer's end");
			return;
		}
		x->received += (size_t)n;
	}
	if (want)
		take_answer(g);
	else
		fail(g, "the quoting service announces more than any quote has");
}

static void send_some(struct getquote *g)
{
	struct exchange *x = &g->x;
	ssize_t n = send(x->fd, x->out + x->sent, sizeof(x->out) - x->sent, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		fail(g, "the quoting service hung up before the request's end");
		return;
	}
	x->sent += (size_t)n;
	if (x->sent == sizeof(x->out) && sd_event_source_set_io_events(x->io, EPOLLIN) < 0)
		fail(g, "out of memory");
}

static int on_service(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	struct getquote *g = userdata;

	(void)s, (void)fd, (void)events;
	if (g->x.sent < sizeof(g->x.out))
		send_some(g);
	else
		receive_some(g);
	look(g);
	return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata)
{
	(void)s, (void)usec;
	fail(userdata, "the quoting service did not answer in time");
	look(userdata);
	return 0;
}

static void ask_service(struct getquote *g)
{
	struct exchange *x = &g->x;

	x->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (x->fd < 0 || connect(x->fd, (struct sockaddr *)&g->service, sizeof(g->service)) < 0) {
		unavailable(g, "the quoting service cannot be reached");
		return;
	}
	if (sd_event_add_io(g->event, &x->io, x->fd, EPOLLOUT, on_service, g) < 0 ||
	    sd_event_add_time_relative(g->event, &x->deadline, CLOCK_MONOTONIC,
	                               g->config.deadline_ms * 1000ull, 10000, on_deadline, g) < 0 ||
	    /* The loop may have stood still, as a boot is predicted: what came by then counts. */
	    sd_event_source_set_priority(x->deadline, SD_EVENT_PRIORITY_IDLE) < 0)
		fail(g, "out of memory");
}

/* ---- requests ---- */

/* Takes the report out of the shared buffer: everything is read once, then only the copy counts. */
static void start(struct getquote *g, uint64_t request, uint64_t gpa, uint64_t size)
{
	struct exchange *x = &g->x;
	uint32_t length = htonl(QGS_QUOTE_REQUEST_SIZE);
	struct {
		struct get_quote_header header;
		uint8_t report[TDREPORT_SIZE];
	} copy;

	g->busy = true;
	memset(x, 0, sizeof(*x));
	x->request = request;
	x->size = size;
	x->fd = -1;
	sd_event_now(g->event, CLOCK_MONOTONIC, &x->started);
	x->buffer = td_ram(g, gpa, size);
	if (!x->buffer) {
		fail(g, "the shared buffer is not page-aligned memory of the TD");
		return;
	}
	memcpy(&copy, x->buffer, sizeof(copy)); /* a page at least is there */
	__asm__ volatile("" ::: "memory");      /* no second look at the guest's memory */
	if (copy.header.version != 1 || copy.header.in_length != TDREPORT_SIZE) {
		fail(g, "the shared buffer holds no request of version 1 with a TDREPORT");
		return;
	}
	memcpy(x->out, &length, sizeof(length));
	qgs_request_write(copy.report, x->out + QGS_LENGTH_SIZE);
	ask_service(g);
}

/*
 * Serves what the mailbox asks for. Requests that fail at once are answered in a loop of one: the
 * counter must move for another, which the doorbell or the next poll will show.
 */
static void look(struct getquote *g)
{
	const struct tdxemu_mailbox *m = g->mailbox;
	uint64_t requested;

	if (g->busy || __atomic_load_n(&m->magic, __ATOMIC_ACQUIRE) != TDXEMU_MAILBOX_MAGIC)
		return;
	requested = __atomic_load_n(&m->requested, __ATOMIC_ACQUIRE);
	if (requested != __atomic_load_n(&m->answered, __ATOMIC_RELAXED))
		start(g, requested, __atomic_load_n(&m->gpa, __ATOMIC_RELAXED),
		      __atomic_load_n(&m->size, __ATOMIC_RELAXED));
}

static int on_doorbell(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	struct getquote *g = userdata;
	char rings[256];
	ssize_t n = read(fd, rings, sizeof(rings));

	(void)events;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		sd_event_source_set_enabled(s, SD_EVENT_OFF); /* QEMU is gone; polling goes on */
	look(g);
	return 0;
}

static int on_poll(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct getquote *g = userdata;

	(void)usec;
	look(g);
	sd_event_source_set_time_relative(s, g->config.poll_ms * 1000ull);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/* ---- set-up ---- */

static int map_ram(struct getquote *g, struct err *e)
{
	uint64_t size = g->config.ram_size;
	struct stat st;

	if (size <= TDXEMU_MEMORY || size % PAGE || g->config.low > size - TDXEMU_MEMORY)
		return err_set(e, -EINVAL, "GetQuote: impossible sizes of the guest's memory");
	if (fstat(g->config.ram_fd, &st) < 0)
		return err_sys(e, -errno, "the guest's memory file");
	if ((uint64_t)st.st_size < size)
		return err_set(e, -EINVAL, "the guest's memory file is too short");
	g->ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
	              g->config.ram_fd, 0);
	if (g->ram == MAP_FAILED) {
		g->ram = NULL;
		return err_sys(e, -errno, "cannot map the guest's memory");
	}
	g->mailbox = (struct tdxemu_mailbox *)(g->ram + size - PAGE);
	return 0;
}

static int add_sources(struct getquote *g, struct err *e)
{
	int r = sd_event_add_time_relative(g->event, &g->poll, CLOCK_MONOTONIC, 0, 10000, on_poll,
	                                   g);

	if (r >= 0 && g->config.doorbell_fd >= 0) {
		g->doorbell_fd = fcntl(g->config.doorbell_fd, F_DUPFD_CLOEXEC, 3);
		r = g->doorbell_fd < 0 ? -errno
		                       : sd_event_add_io(g->event, &g->doorbell, g->doorbell_fd,
		                                         EPOLLIN, on_doorbell, g);
	}
	return r < 0 ? err_sys(e, r, "GetQuote") : 0;
}

int getquote_new(sd_event *event, const struct getquote_config *config, struct getquote **ret,
                 struct err *e)
{
	struct getquote *g;
	int r;

	if (strlen(config->qgs_socket) >= sizeof(g->service.sun_path))
		return err_set(e, -ENAMETOOLONG, "%s: too long for a socket", config->qgs_socket);
	if (!(g = calloc(1, sizeof(*g))))
		return err_nomem(e);
	g->event = sd_event_ref(event);
	g->config = *config;
	g->config.deadline_ms = config->deadline_ms ?: DEADLINE_MS;
	g->config.poll_ms = config->poll_ms ?: POLL_MS;
	g->service.sun_family = AF_UNIX;
	strcpy(g->service.sun_path, config->qgs_socket);
	g->doorbell_fd = g->x.fd = -1;
	if ((r = map_ram(g, e)) < 0 || (r = add_sources(g, e)) < 0) {
		getquote_free(g);
		return r;
	}
	*ret = g;
	return 0;
}

void getquote_free(struct getquote *g)
{
	if (!g)
		return;
	sd_event_source_disable_unref(g->x.io);
	sd_event_source_disable_unref(g->x.deadline);
	sd_event_source_disable_unref(g->doorbell);
	sd_event_source_disable_unref(g->poll);
	closep(&g->x.fd);
	closep(&g->doorbell_fd);
	if (g->ram)
		munmap(g->ram, g->config.ram_size);
	sd_event_unref(g->event);
	free(g);
}

int getquote_entered(const struct getquote *g)
{
	return __atomic_load_n(&g->mailbox->magic, __ATOMIC_ACQUIRE) == TDXEMU_MAILBOX_MAGIC &&
	       __atomic_load_n(&g->mailbox->entered, __ATOMIC_ACQUIRE) == 1;
}
