// SPDX-License-Identifier: Apache-2.0
#include "run/qgs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "core/cleanup.h"
#include "format/qgs.h"
#include "format/tdreport.h"
#include "run/qgs_answer.h"

#define KEYS_MAX           64
#define CLIENTS_MAX        32
#define CLIENT_DEADLINE_MS 10000
#define BACKLOG            16
#define ISSUED_AGO_S       3600                      /* collateral: a client's clock may be slow */
#define REQUEST_MAX        (QGS_LENGTH_SIZE + 4096u) /* a request with the longest sane ID list */
#define RAW_REPORT_TYPE    0x81                      /* a TDREPORT's first byte */
#define VERSION_MAJOR_AT   QGS_LENGTH_SIZE           /* offset in an answer */

const char *const qgs_fault_names[QGS_FAULT_COUNT] = {
        [QGS_FAULT_NONE] = "none",           [QGS_FAULT_SILENT] = "silent",
        [QGS_FAULT_VERSION] = "version",     [QGS_FAULT_ERROR] = "error",
        [QGS_FAULT_TRUNCATED] = "truncated", [QGS_FAULT_EOF] = "eof",
        [QGS_FAULT_OVERSIZE] = "oversize",
};

struct client {
	struct qgs *q;
	int fd;
	sd_event_source *io, *deadline;
	uint8_t in[REQUEST_MAX];
	size_t in_used;
	uint8_t *out; /* the answer, once there is one */
	size_t out_size, out_sent;
};

struct qgs {
	sd_event *event;
	struct qgs_config config;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int fd;
	sd_event_source *io;
	struct {
		uint8_t bytes[QGS_KEY_SIZE];
		uint16_t version; /* of the quotes for reports under this key */
	} key[KEYS_MAX];
	size_t keys;
	struct client *client[CLIENTS_MAX];
};

static void client_free(struct client *c)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (c->q->client[i] == c)
			c->q->client[i] = NULL;
	}
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->deadline);
	if (c->fd >= 0)
		close(c->fd);
	free(c->out);
	free(c);
}

/* ---- answers ---- */

/* The version that a report is to be quoted in, or 0 when nobody vouches for it. */
static uint16_t version_for(const struct qgs *q, const struct tdreport *report)
{
	for (size_t i = 0; i < q->keys; i++) {
		if (tdreport_mac_ok(report, q->key[i].bytes, QGS_KEY_SIZE))
			return q->key[i].version;
	}
	return q->config.any_report ? q->config.quote_version : 0;
}

/* QGS_OK and a quote, or what Intel's service would answer. Caller frees. */
static uint32_t make_quote(struct qgs *q, const uint8_t *bytes, uint8_t **ret, size_t *ret_size)
{
	struct tdreport report;
	uint16_t version;
	struct err e;
	int r;

	if (tdreport_parse(bytes, TDREPORT_SIZE, &report, NULL) != FORMAT_OK ||
	    !(version = version_for(q, &report)))
		return QGS_ERROR_INVALID_PARAMETER;
	r = authority_quote(q->config.authority, &report, version, ret, ret_size, &e);
	if (r == -ENOMEM)
		return QGS_ERROR_OUT_OF_MEMORY;
	return r == -EINVAL ? QGS_ERROR_INVALID_PARAMETER : r < 0 ? QGS_ERROR_UNEXPECTED : QGS_OK;
}

/* Puts a message into c->out, framed. */
static int frame(struct client *c, const uint8_t *message, size_t size)
{
	size_t total = QGS_LENGTH_SIZE + size;
	uint32_t length = htonl((uint32_t)size);

	if (c->q->config.fault == QGS_FAULT_OVERSIZE) {
		length = htonl(QGS_MESSAGE_MAX + 1);
		total = QGS_LENGTH_SIZE + QGS_MESSAGE_MAX + 1;
	}
	if (!(c->out = calloc(1, total)))
		return -ENOMEM;
	memcpy(c->out, &length, sizeof(length));
	memcpy(c->out + QGS_LENGTH_SIZE, message, size);
	if (c->q->config.fault == QGS_FAULT_VERSION)
		memcpy(c->out + VERSION_MAJOR_AT, (uint8_t[]){2, 0, 0, 0}, 4);
	c->out_size = c->q->config.fault == QGS_FAULT_TRUNCATED ? total / 2 : total;
	return 0;
}

static uint32_t refusal(enum format_code code)
{
	if (code == FORMAT_BAD_VERSION)
		return QGS_ERROR_INVALID_VERSION;
	return code == FORMAT_BAD_TYPE ? QGS_ERROR_INVALID_TYPE : QGS_ERROR_INVALID_SIZE;
}

static int answer_quote(struct qgs *q, const uint8_t *request, size_t size, uint8_t **ret,
                        size_t *ret_size)
{
	_cleanup_(freep) uint8_t *quote = NULL;
	const uint8_t *report;
	size_t quote_size = 0;
	uint32_t error = QGS_ERROR_UNEXPECTED;
	enum format_code code = qgs_request_parse(request, size, &report, NULL);

	if (code != FORMAT_OK)
		error = refusal(code);
	else if (q->config.fault != QGS_FAULT_ERROR)
		error = make_quote(q, report, &quote, &quote_size);
	*ret_size = qgs_response_write(error, quote, quote_size, NULL, 0);
	if (!(*ret = malloc(*ret_size)))
		return -ENOMEM;
	qgs_response_write(error, quote, quote_size, *ret, *ret_size);
	return 0;
}

static int answer_framed(struct client *c)
{
	const uint8_t *request = c->in + QGS_LENGTH_SIZE;
	size_t request_size = c->in_used - QGS_LENGTH_SIZE, size;
	const struct authority *a = c->q->config.authority;
	bool broken = c->q->config.fault == QGS_FAULT_ERROR;
	_cleanup_(freep) uint8_t *message = NULL;
	int64_t type = qgs_type_of(request, request_size);
	int r;

	if (type == QGS_GET_COLLATERAL_REQUEST)
		r = qgs_answer_collateral(a, time(NULL) - ISSUED_AGO_S, broken, request,
		                          request_size, &message, &size);
	else if (type == QGS_GET_PLATFORM_INFO_REQUEST)
		r = qgs_answer_platform(a, broken, request, request_size, &message, &size);
	else
		r = answer_quote(c->q, request, request_size, &message, &size);
	return r < 0 ? r : frame(c, message, size);
}

/* A raw answer has no room for an error: the connection just ends. */
static int answer_raw(struct client *c)
{
	uint32_t error = c->q->config.fault == QGS_FAULT_ERROR
	                         ? QGS_ERROR_UNEXPECTED
	                         : make_quote(c->q, c->in, &c->out, &c->out_size);

	if (error != QGS_OK)
		return -EBADMSG;
	if (c->q->config.fault == QGS_FAULT_TRUNCATED)
		c->out_size /= 2;
	return 0;
}

/* ---- clients ---- */

/*
 * How many bytes make the request complete; 0 when it can't become one. A report's first bytes are
 * no length that we accept, so the two modes can't be mistaken for each other.
 */
static size_t request_size(const struct client *c)
{
	uint32_t length;

	if (c->in_used < QGS_LENGTH_SIZE)
		return QGS_LENGTH_SIZE;
	memcpy(&length, c->in, sizeof(length));
	length = ntohl(length);
	if (length <= REQUEST_MAX - QGS_LENGTH_SIZE)
		return QGS_LENGTH_SIZE + length;
	return c->in[0] == RAW_REPORT_TYPE ? TDREPORT_SIZE : 0;
}

static int client_read(struct client *c)
{
	size_t want;
	ssize_t n;
	int r;

	while ((want = request_size(c)) > c->in_used) {
		n = recv(c->fd, c->in + c->in_used, want - c->in_used, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return -EPIPE;
		c->in_used += (size_t)n;
	}
	if (!want || c->q->config.fault == QGS_FAULT_EOF)
		return -EBADMSG;
	if (c->q->config.fault == QGS_FAULT_SILENT)
		return sd_event_source_set_io_events(c->io, 0);
	r = c->in[0] == RAW_REPORT_TYPE ? answer_raw(c) : answer_framed(c);
	return r < 0 ? r : sd_event_source_set_io_events(c->io, EPOLLOUT);
}

/* -EPIPE when all is sent: an answer ends the connection. */
static int client_write(struct client *c)
{
	ssize_t n = send(c->fd, c->out + c->out_sent, c->out_size - c->out_sent, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	c->out_sent += (size_t)n;
	return c->out_sent == c->out_size ? -EPIPE : 0;
}

static int on_client(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	struct client *c = userdata;

	(void)s, (void)fd;
	if ((events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLIN)) ||
	    (c->out ? client_write(c) : client_read(c)) < 0)
		client_free(c);
	return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata)
{
	(void)s, (void)usec;
	client_free(userdata);
	return 0;
}

/* Takes `fd` over. A client more than we keep is turned away. */
static void client_add(struct qgs *q, int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	size_t slot = 0;

	while (slot < CLIENTS_MAX && q->client[slot])
		slot++;
	if (!c || slot == CLIENTS_MAX) {
		free(c);
		close(fd);
		return;
	}
	c->q = q;
	c->fd = fd;
	q->client[slot] = c;
	if (sd_event_add_io(q->event, &c->io, fd, EPOLLIN, on_client, c) < 0 ||
	    sd_event_add_time_relative(q->event, &c->deadline, CLOCK_MONOTONIC,
	                               q->config.client_deadline_ms * 1000ull, 10000, on_deadline,
	                               c) < 0 ||
	    /* The loop may have stood still, as a boot is predicted: what came by then counts. */
	    sd_event_source_set_priority(c->deadline, SD_EVENT_PRIORITY_IDLE) < 0)
		client_free(c);
}

static int on_listen(sd_event_source *s, int listener, uint32_t events, void *userdata)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)s, (void)events;
	if (fd >= 0)
		client_add(userdata, fd);
	return 0; /* whatever accept() complains about, the service stays */
}

/* ---- the service ---- */

static int listen_on(const char *path, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(e, -ENAMETOOLONG, "%s: a socket's path has at most %zu bytes", path,
		               sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path); /* stale, or the user's wish */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || fchmod(fd, 0600) < 0 || /* before bind(): never open to others */
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
		return err_sys(e, -errno, "%s", path);
	return TAKE_FD(fd);
}

/* From any guest, and from this machine where it can reach itself. */
static int listen_on_vsock(unsigned port, struct err *e)
{
	struct sockaddr_vm address = {
	        .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};
	_cleanup_(closep) int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return err_sys(e, -errno, "vsock port %u", port);
	return TAKE_FD(fd);
}

int qgs_new(sd_event *event, const char *socket_path, const struct qgs_config *config,
            struct qgs **ret, struct err *e)
{
	struct qgs *q;
	int r, fd = socket_path ? listen_on(socket_path, e)
	                        : listen_on_vsock(config->vsock_port, e);

	if (fd < 0)
		return fd;
	if (!(q = calloc(1, sizeof(*q)))) {
		close(fd);
		return err_nomem(e);
	}
	q->event = sd_event_ref(event);
	q->fd = fd;
	q->config = *config;
	if (!q->config.quote_version)
		q->config.quote_version = 4;
	if (!q->config.client_deadline_ms)
		q->config.client_deadline_ms = CLIENT_DEADLINE_MS;
	strcpy(q->path, socket_path ?: "");
	if ((r = sd_event_add_io(event, &q->io, fd, EPOLLIN, on_listen, q)) < 0) {
		qgs_free(q);
		return err_sys(e, r, "quoting service");
	}
	*ret = q;
	return 0;
}

void qgs_free(struct qgs *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (q->client[i])
			client_free(q->client[i]);
	}
	sd_event_source_disable_unref(q->io);
	close(q->fd);
	if (q->path[0])
		unlink(q->path);
	sd_event_unref(q->event);
	explicit_bzero(q->key, sizeof(q->key));
	free(q);
}

int qgs_add_key(struct qgs *q, const uint8_t key[QGS_KEY_SIZE], uint16_t version, struct err *e)
{
	if (q->keys == KEYS_MAX)
		return err_set(e, -ENOSPC, "the quoting service has %d keys already", KEYS_MAX);
	memcpy(q->key[q->keys].bytes, key, QGS_KEY_SIZE);
	q->key[q->keys++].version = version ?: q->config.quote_version;
	return 0;
}

void qgs_remove_key(struct qgs *q, const uint8_t key[QGS_KEY_SIZE])
{
	for (size_t i = 0; i < q->keys; i++) {
		if (memcmp(q->key[i].bytes, key, QGS_KEY_SIZE) == 0) {
			q->key[i] = q->key[--q->keys];
			explicit_bzero(&q->key[q->keys], sizeof(q->key[0]));
			return;
		}
	}
}
