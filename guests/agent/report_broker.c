/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's client: a quote from the layer below, over a socket or a serial line. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/broker.h"
#include "agent/device.h"
#include "agent/probe.h"
#include "agent/util.h"

#define ANSWER_MAX (1u << 20) /* bytes of JSON */

/* Only what belongs into a REPORT: the broker is trusted for the quote, not for our frames. */
static json_t *pick_members(const json_t *answer)
{
	static const char *const wanted[] = {"ok",       "step",       "errno", "errname",
	                                     "provider", "generation", "data"};
	json_t *report = json_object();

	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		json_t *value = json_object_get(answer, wanted[i]);
		if (value)
			json_object_set(report, wanted[i], value);
	}
	return report;
}

/* The serial line of a VM that was given one; its containers see its name, but have no node. */
static bool find_line(char *path, size_t size)
{
	return (port_find(BROKER_PORT, path, size) == 0 ||
	        util_kernel_option(BROKER_OPTION, path, size) == 0) &&
	       access(path, R_OK | W_OK) == 0;
}

bool broker_present(void)
{
	char path[300];
	struct stat st;

	return (stat(BROKER_PATH, &st) == 0 && S_ISSOCK(st.st_mode)) ||
	       find_line(path, sizeof(path));
}

static int open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	int r = fd < 0 ? -errno : broker_address(BROKER_PATH, &sa);

	if (r == 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		r = -errno;
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

/* One line of text, or all up to the end of the connection. */
static json_t *read_answer(int fd)
{
	_cleanup_(util_freep) char *answer = malloc(ANSWER_MAX);
	size_t size = 0;
	ssize_t n = 0;

	if (!answer)
		return broker_failed("answer", ENOMEM);
	do {
		size += (size_t)n;
		n = read(fd, answer + size, ANSWER_MAX - size);
	} while (n > 0 && !memchr(answer + size, '\n', (size_t)n) && size < ANSWER_MAX);
	size += n > 0 ? (size_t)n : 0;
	_cleanup_(util_json_decrefp) json_t *object = json_loadb(answer, size, 0, NULL);
	if (!json_is_object(object))
		return broker_failed("answer", size ? EPROTO : ECONNRESET);
	return pick_members(object);
}

json_t *report_broker(void *arg)
{
	const struct report_request *request = arg;
	char path[300];
	bool has_line = find_line(path, sizeof(path));
	_cleanup_(util_closep) int fd = has_line ? util_open_raw(path) : open_socket();

	signal(SIGPIPE, SIG_IGN);
	if (fd < 0)
		return broker_failed(has_line ? "open" : "connect", fd);
	int r = util_write_all(fd, request->report_data, sizeof(request->report_data));
	return r < 0 ? broker_failed("request", r) : read_answer(fd);
}
