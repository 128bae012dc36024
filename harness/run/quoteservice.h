/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "core/err.h"

/* Where a hardware TD's quotes come from: the socket of Intel's quote generation service (QGS). */
#define TDX_QGS_SOCKET "/var/run/tdx-qgs/qgs.socket" /* its default */

struct quote_service {
	char path[108]; /* a unix socket, as long as sun_path; "" means vsock */
	uint32_t cid, port;
};

/*
 * "unix:PATH", "PATH" or "vsock:CID:PORT". NULL: the default socket where there is one, else
 * vsock:2:4050, as other launchers choose. -EINVAL, -ENAMETOOLONG.
 */
int quote_service_parse(const char *text, struct quote_service *ret, struct err *e);

/* For people: the same text. */
#define QUOTE_SERVICE_TEXT_MAX 128
void quote_service_text(const struct quote_service *q, char out[QUOTE_SERVICE_TEXT_MAX]);

/* QEMU's SocketAddress (qapi/sockets.json), owned by the caller; NULL: out of memory. */
json_t *quote_service_json(const struct quote_service *q);

/*
 * Asks the service for a quote of a report that is none: an answer, always an error, proves that a
 * quoting service is there and how it frames its messages; a socket file proves nothing. 0, or
 * -errno of what failed (-ETIMEDOUT: it accepted and was silent for QUOTE_SERVICE_ASK_MS;
 * -EPROTO: what it said is no answer); `ret_text` is one line either way.
 */
#define QUOTE_SERVICE_ASK_MS 5000
int quote_service_ask(const struct quote_service *q, char *ret_text, size_t size);

/* What to do about such a failure; never NULL. */
const char *quote_service_remedy(int code);
