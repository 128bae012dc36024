/* SPDX-License-Identifier: Apache-2.0 */
#include "run/quoteservice.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "core/cleanup.h"
#include "format/qgs.h"

static int parse_vsock(const char *text, struct quote_service *ret, struct err *e)
{
	int end = -1;

	if (sscanf(text, "vsock:%" SCNu32 ":%" SCNu32 "%n", &ret->cid, &ret->port, &end) != 2 ||
	    text[end])
		return err_set(e, -EINVAL, "%s: no quoting service; expected vsock:CID:PORT", text);
	return 0;
}

static int parse_unix(const char *path, struct quote_service *ret, struct err *e)
{
	if (!*path)
		return err_set(e, -EINVAL, "unix:: no path of a quoting service's socket");
	if (strlen(path) >= sizeof(ret->path))
		return err_set(e, -ENAMETOOLONG, "%s: longer than the %zu bytes of a socket's path",
		               path, sizeof(ret->path) - 1);
	strcpy(ret->path, path);
	return 0;
}

int quote_service_parse(const char *text, struct quote_service *ret, struct err *e)
{
	struct quote_service q = {.cid = VMADDR_CID_HOST, .port = QGS_DEFAULT_VSOCK_PORT};
	int r = 0;

	if (!text)
		text = access(TDX_QGS_SOCKET, F_OK) == 0 ? TDX_QGS_SOCKET : NULL;
	if (text && strncmp(text, "vsock:", 6) == 0)
		r = parse_vsock(text, &q, e);
	else if (text)
		r = parse_unix(strncmp(text, "unix:", 5) == 0 ? text + 5 : text, &q, e);
	if (r == 0)
		*ret = q;
	return r;
}

void quote_service_text(const struct quote_service *q, char out[QUOTE_SERVICE_TEXT_MAX])
{
	if (q->path[0])
		snprintf(out, QUOTE_SERVICE_TEXT_MAX, "unix:%s", q->path);
	else
		snprintf(out, QUOTE_SERVICE_TEXT_MAX, "vsock:%" PRIu32 ":%" PRIu32, q->cid,
		         q->port);
}

json_t *quote_service_json(const struct quote_service *q)
{
	char cid[16], port[16];

	if (q->path[0])
		return json_pack("{s:s, s:s}", "type", "unix", "path", q->path);
	snprintf(cid, sizeof(cid), "%" PRIu32, q->cid);
	snprintf(port, sizeof(port), "%" PRIu32, q->port);
	return json_pack("{s:s, s:s, s:s}", "type", "vsock", "cid", cid, "port", port);
}

/* ---- whether anybody is there ---- */

static int connect_to(const struct quote_service *q)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	struct sockaddr_vm host = {.svm_family = AF_VSOCK, .svm_cid = q->cid, .svm_port = q->port};
	const bool is_local = q->path[0];
	int fd = socket(is_local ? AF_UNIX : AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = {.tv_sec = QUOTE_SERVICE_ASK_MS / 1000};

	if (fd < 0)
		return -errno;
	memcpy(local.sun_path, q->path, sizeof(q->path));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, is_local ? (struct sockaddr *)&local : (struct sockaddr *)&host,
	            is_local ? sizeof(local) : sizeof(host)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

/* All of it, or -errno; a peer that is silent too long is -ETIMEDOUT, its end -EPROTO. */
static int receive(int fd, uint8_t *out, size_t size)
{
	for (size_t have = 0; have < size;) {
		ssize_t n = recv(fd, out + have, size - have, 0);

		if (n == 0)
			return -EPROTO;
		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		have += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* The error that the service answers with. */
static int ask(int fd, uint32_t *ret_error)
{
	static const uint8_t nothing[TDREPORT_SIZE];
	uint8_t request[QGS_LENGTH_SIZE + QGS_QUOTE_REQUEST_SIZE] = {0};
	uint8_t answer[QGS_HEADER_SIZE + 8], length[QGS_LENGTH_SIZE];
	const uint8_t *quote;
	size_t quote_size;
	int r;

	request[2] = QGS_QUOTE_REQUEST_SIZE >> 8; /* big-endian */
	request[3] = QGS_QUOTE_REQUEST_SIZE & 0xff;
	qgs_request_write(nothing, request + QGS_LENGTH_SIZE);
	if (send(fd, request, sizeof(request), MSG_NOSIGNAL) != sizeof(request))
		return -errno;
	r = receive(fd, length, sizeof(length));
	if (r < 0)
		return r;
	if (length[0] || length[1] || length[2] || length[3] != sizeof(answer))
		return -EPROTO;
	r = receive(fd, answer, sizeof(answer));
	if (r < 0)
		return r;
	return qgs_response_parse(answer, sizeof(answer), ret_error, &quote, &quote_size, NULL) ==
	                               FORMAT_OK &&
	                       *ret_error
	               ? 0
	               : -EPROTO;
}

int quote_service_ask(const struct quote_service *q, char *ret_text, size_t size)
{
	_cleanup_(closep) int fd = connect_to(q);
	char where[QUOTE_SERVICE_TEXT_MAX];
	uint32_t error = 0;
	int r = fd < 0 ? fd : ask(fd, &error);

	quote_service_text(q, where);
	if (r == 0)
		snprintf(ret_text, size,
		         "%s: a quoting service answers (%#x to a report that is "
		         "none)",
		         where, error);
	else if (fd < 0)
		snprintf(ret_text, size, "%s: %s", where, strerror(-r));
	else if (r == -ETIMEDOUT)
		snprintf(ret_text, size, "%s: took the request and was silent for %d s", where,
		         QUOTE_SERVICE_ASK_MS / 1000);
	else
		snprintf(ret_text, size, "%s: what it says is no answer of a quoting service",
		         where);
	return r;
}

const char *quote_service_remedy(int code)
{
	switch (code) {
	case -ENOENT:
		return "start Intel's quoting service (systemctl start qgsd), of DCAP's package "
		       "tdx-qgs; if it listens on vsock: --qgs-socket vsock:2:4050";
	case -ECONNREFUSED:
		return "nobody listens there: systemctl restart qgsd";
	case -EACCES:
	case -EPERM:
		return "QEMU's user must be in the socket's group (usermod -aG qgsd USER)";
	case -ENODEV:
	case -EAFNOSUPPORT:
	case -ECONNRESET:
		return "no service on that vsock port: `port` in qgs.conf, modprobe vhost_vsock, "
		       "systemctl restart qgsd";
	case -ETIMEDOUT:
		return "it hangs: journalctl -u qgsd; systemctl restart qgsd";
	default:
		return "another program listens there: journalctl -u qgsd";
	}
}
