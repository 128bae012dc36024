/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On hardware a quoting service of the host answers on vsock. Here the guest's kernel has no
 * transport to the host, so that it gives connections to the host (CID 2) to its loopback: what
 * listens here takes the request to the host's service by a virtio port, and the answer back.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/td.h"
#include "agent/util.h"
#include "format/task.h"

#define CLIENT_MS    10000
#define LENGTH_SIZE  4    /* of a framed message: big-endian, in front of it */
#define REPORT_SIZE  1024 /* raw */
#define REPORT_FIRST 0x81

int td_quotes_listen(unsigned port)
{
	struct sockaddr_vm address = {
	        .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};
	_cleanup_(util_closep) int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 16) < 0)
		return -errno;
	int r = fd;
	fd = -1;
	return r;
}

size_t td_quotes_size(const uint8_t *data, size_t have)
{
	uint32_t length;

	if (have < LENGTH_SIZE)
		return LENGTH_SIZE;
	memcpy(&length, data, sizeof(length));
	length = ntohl(length);
	if (length <= TASK_QUOTE_MAX - LENGTH_SIZE)
		return LENGTH_SIZE + length;
	return data[0] == REPORT_FIRST ? REPORT_SIZE : 0;
}

/* A whole request of a client that may be slow, but not for ever; its size or -errno. */
static ssize_t read_request(int client, uint8_t *data)
{
	int64_t end = util_now_ms() + CLIENT_MS;
	size_t have = 0, size;

	while ((size = td_quotes_size(data, have)) > have) {
		struct pollfd fd = {.fd = client, .events = POLLIN};
		int64_t left = end - util_now_ms();
		if (left <= 0 || poll(&fd, 1, (int)left) <= 0)
			return -ETIMEDOUT;
		ssize_t n = read(client, data + have, size - have);
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		have += (size_t)n;
	}
	return size ? (ssize_t)size : -EBADMSG;
}

static int read_exactly(int port, uint8_t *data, size_t size)
{
	while (size) {
		ssize_t n = read(port, data, size);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ENODATA;
		data += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* The host's answer may be empty: its service hung up. */
static ssize_t ask_host(int port, uint8_t *data, size_t size)
{
	uint8_t header[4];
	int r;

	task_put32(header, (uint32_t)size);
	r = util_write_all(port, header, sizeof(header));
	if (r == 0)
		r = util_write_all(port, data, size);
	if (r == 0)
		r = read_exactly(port, header, sizeof(header));
	size = r == 0 ? task_get32(header) : 0;
	if (size > TASK_QUOTE_MAX)
		return -EPROTO;
	if (r == 0)
		r = read_exactly(port, data, size);
	return r < 0 ? r : (ssize_t)size;
}

void td_quotes_serve(int listener, int port)
{
	_cleanup_(util_freep) uint8_t *data = malloc(TASK_QUOTE_MAX);
	ssize_t n = 0;

	while (data && n >= 0) {
		_cleanup_(util_closep) int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (client < 0) {
			util_sleep_ms(100);
			continue;
		}
		ssize_t size = read_request(client, data);
		if (size <= 0)
			continue;
		n = ask_host(port, data, (size_t)size);
		if (n > 0 && util_write_all(client, data, (size_t)n) < 0)
			continue; /* the client is gone */
	}
	util_log("quotes on vsock: %s", strerror(data ? (int)-n : ENOMEM));
}
