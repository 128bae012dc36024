// SPDX-License-Identifier: Apache-2.0
#include "run/pccs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/cleanup.h"
#include "core/library.h"
#include "format/bytes.h"
#include "run/pccs_answer.h"

#define CLIENTS_MAX   64
#define ISSUED_AGO_S  3600 /* a verifier reads its clock before it asks, and it may be slow */
#define IDLE_S        10
#define RUNS_MAX      16
#define LOOK_USEC     1000000     /* how often idle clients are looked for */
#define CLIENT_MEMORY (16u << 10) /* bytes: of a request's line and headers */

#define MHD_API(X, api)                         \
	X(api, MHD_start_daemon)                \
	X(api, MHD_stop_daemon)                 \
	X(api, MHD_run)                         \
	X(api, MHD_get_timeout)                 \
	X(api, MHD_get_daemon_info)             \
	X(api, MHD_lookup_connection_value)     \
	X(api, MHD_create_response_from_buffer) \
	X(api, MHD_add_response_header)         \
	X(api, MHD_queue_response)              \
	X(api, MHD_destroy_response)

struct mhd_api {
	MHD_API(LIBRARY_MEMBER, struct mhd_api)
};

struct pccs {
	struct mhd_api api;
	struct pccs_config config;
	struct MHD_Daemon *daemon;
	sd_event *event;
	sd_event_source *io, *timer;
	char url[INET6_ADDRSTRLEN + 32];
};

static int load_mhd(struct mhd_api *ret, struct err *e)
{
	static const struct library_symbol symbols[] = {MHD_API(LIBRARY_SYMBOL, struct mhd_api)};
	static const struct library want = {
	        .package = "libmicrohttpd12",
	        .names = {"libmicrohttpd.so.12"},
	        .symbols = symbols,
	        .symbols_count = COUNT_OF(symbols),
	};

	return library_load(&want, ret, e);
}

/* ---- requests ---- */

struct request {
	const struct pccs *p;
	struct MHD_Connection *connection;
};

static const char *get_parameter(void *context, const char *key)
{
	const struct request *r = context;

	return r->p->api.MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, key);
}

static enum MHD_Result respond(const struct pccs *p, struct MHD_Connection *connection,
                               struct pccs_answer *a)
{
	struct MHD_Response *response =
	        p->api.MHD_create_response_from_buffer(a->size, a->body, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result r = MHD_NO;

	if (response && p->api.MHD_add_response_header(response, "Content-Type", a->type) &&
	    p->api.MHD_add_response_header(response, "Warning", "199 - \"EMULATED by tception\"") &&
	    (!a->chain || p->api.MHD_add_response_header(response, a->chain_name, a->chain)))
		r = p->api.MHD_queue_response(connection, a->status, response);
	if (response)
		p->api.MHD_destroy_response(response);
	return r;
}

/* MHD_NO closes the connection. A first call comes before the body, which no request needs. */
static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection,
                                  const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **request_data)
{
	struct request r = {userdata, connection};
	const struct pccs_query q = {url, get_parameter, &r};
	_cleanup_(pccs_answer_done) struct pccs_answer a = {0};
	struct err e;

	(void)version, (void)upload;
	if (!*request_data) {
		*request_data = userdata;
		return MHD_YES;
	}
	if (*upload_size || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0))
		return MHD_NO;
	if (pccs_answer(r.p->config.authority, time(NULL) - ISSUED_AGO_S, &q, &a, &e) < 0)
		return MHD_NO;
	return respond(r.p, connection, &a);
}

/* ---- the service ---- */

/* Until there is nothing left to do without waiting; a busy client is not let to keep us. */
static void run(struct pccs *p)
{
	unsigned long long ms = 0;

	for (int i = 0; i < RUNS_MAX && ms == 0; i++) {
		p->api.MHD_run(p->daemon);
		if (p->api.MHD_get_timeout(p->daemon, &ms) != MHD_YES)
			break;
	}
}

static int on_event(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	struct pccs *p = userdata;

	(void)s, (void)fd, (void)events;
	run(p);
	return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct pccs *p = userdata;
	int r;

	(void)usec;
	run(p);
	if ((r = sd_event_source_set_time_relative(s, LOOK_USEC)) < 0)
		return r;
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int read_address(const struct pccs_config *c, union address *ret, struct err *e)
{
	const char *text = c->address ?: "127.0.0.1";

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(c->port);
	} else if (inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(c->port);
	} else {
		return err_set(e, -EINVAL, "'%.60s' is no IP address in numbers", text);
	}
	return 0;
}

static void no_log(void *userdata, const char *format, va_list arguments)
{
	(void)userdata, (void)format, (void)arguments;
}

static int start(struct pccs *p, struct err *e)
{
	const char *text = p->config.address ?: "127.0.0.1";
	union address address;
	unsigned flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG;
	int r = read_address(&p->config, &address, e);

	if (r < 0)
		return r;
	if (address.any.sa_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	errno = 0;
	p->daemon = p->api.MHD_start_daemon(
	        flags, 0, NULL, NULL, on_request, p, MHD_OPTION_EXTERNAL_LOGGER, no_log, NULL,
	        MHD_OPTION_SOCK_ADDR, &address.any, MHD_OPTION_CONNECTION_LIMIT, CLIENTS_MAX,
	        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	        (size_t)CLIENT_MEMORY, MHD_OPTION_END);
	if (!p->daemon)
		return err_sys(e, errno ? -errno : -EIO, "cannot listen on %s port %u", text,
		               p->config.port);
	snprintf(p->url, sizeof(p->url),
	         address.any.sa_family == AF_INET6 ? "http://[%s]:%u" : "http://%s:%u", text,
	         p->api.MHD_get_daemon_info(p->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	return 0;
}

int pccs_new(sd_event *event, const struct pccs_config *config, struct pccs **ret, struct err *e)
{
	struct pccs *p = calloc(1, sizeof(*p));
	int fd, r;

	if (!p)
		return err_nomem(e);
	p->config = *config;
	p->event = sd_event_ref(event);
	if ((r = load_mhd(&p->api, e)) < 0 || (r = start(p, e)) < 0)
		goto fail;
	fd = p->api.MHD_get_daemon_info(p->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	if ((r = sd_event_add_io(event, &p->io, fd, EPOLLIN, on_event, p)) < 0 ||
	    (r = sd_event_add_time_relative(event, &p->timer, CLOCK_MONOTONIC, LOOK_USEC, 0,
	                                    on_timer, p)) < 0) {
		err_sys(e, r, "event loop");
		goto fail;
	}
	*ret = p;
	return 0;
fail:
	pccs_free(p);
	return r;
}

void pccs_free(struct pccs *p)
{
	if (!p)
		return;
	sd_event_source_disable_unref(p->io);
	sd_event_source_disable_unref(p->timer);
	if (p->daemon)
		p->api.MHD_stop_daemon(p->daemon);
	sd_event_unref(p->event);
	free(p);
}

const char *pccs_url(const struct pccs *p)
{
	return p->url;
}
