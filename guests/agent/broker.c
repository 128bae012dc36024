/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/container.h"
#include "agent/guard.h"
#include "agent/pid1.h"
#include "agent/probe.h"
#include "agent/util.h"

#define ANSWER_MAX (1u << 20) /* bytes of JSON */

int broker_patience_ms = 30000;

/* A REPORT of what did not come to a quote. */
static json_t *failed(const char *step, int error)
{
	json_t *report = json_pack("{s:b,s:s}", "ok", 0, "step", step);

	util_json_set_errno(report, error);
	return report;
}

static int address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	snprintf(ret->sun_path, sizeof(ret->sun_path), "%s", path);
	return 0;
}

/* ---- the service ---- */
/* Exactly the 64 bytes; whatever comes later is not read. */
static int take_request(int fd, struct report_request *ret)
{
	const int64_t end = util_now_ms() + broker_patience_ms;
	size_t got = 0;

	while (got < sizeof(ret->report_data)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end - util_now_ms();
		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return -ETIMEDOUT;
		ssize_t n = read(fd, ret->report_data + got, sizeof(ret->report_data) - got);
		if (n <= 0)
			return n < 0 ? -errno : -EPROTO;
		got += (size_t)n;
	}
	return 0;
}

/* A broker of our own below does where this layer has no interface either. */
static json_t *ask_quote(struct report_request *request)
{
	int error;
	json_t *report = guard_run(report_configfs, request, PROBE_DEADLINE_MS, &error);

	if (!json_is_true(json_object_get(report, "ok")) && broker_present()) {
		json_decref(report);
		report = guard_run(report_broker, request, PROBE_DEADLINE_MS, &error);
	}
	return report ? report : failed("deadline", error);
}

static void serve_one(int fd)
{
	const struct timeval patience = {.tv_sec = broker_patience_ms / 1000 + 1};
	struct report_request request;
	int r = take_request(fd, &request);

	if (r < 0 && r != -ETIMEDOUT)
		return;
	_cleanup_(util_json_decrefp) json_t *report =
	        r < 0 ? failed("request", r) : ask_quote(&request);
	_cleanup_(util_freep) char *text = report ? json_dumps(report, JSON_COMPACT) : NULL;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (text && util_write_all(fd, text, strlen(text)) == 0)
		util_write_all(fd, "\n", 1);
}

static void serve(int listener)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < BROKER_REQUESTS; i++) {
		_cleanup_(util_closep) int fd = accept(listener, NULL, NULL);
		if (fd >= 0)
			serve_one(fd);
	}
	_exit(0);
}

int broker_start(const char *path, pid_t *ret)
{
	_cleanup_(util_closep) int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	int r = address(path, &sa);

	if (r < 0)
		return r;
	unlink(path);
	if (listener < 0 || bind(listener, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    chmod(path, 0666) < 0 || listen(listener, 1) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		serve(listener);
	*ret = pid;
	return 0;
}

void broker_stop(const char *path, pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
}

/* Nobody hangs up on a line: what an asker left unsent is thrown away after broker_patience_ms. */
static void serve_line(int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < BROKER_REQUESTS; i++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, -1) > 0)
			serve_one(fd);
	}
	_exit(0);
}

static pid_t line = -1;

/* The broker keeps the VM's end open, too: else it would read EIO while nobody has it. */
int broker_line_start(char ret_path[BROKER_LINE_MAX], struct trouble *t)
{
	_cleanup_(util_closep) int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), theirs = -1;
	char path[BROKER_LINE_MAX];
	int r = 0;

	if (ours < 0 || unlockpt(ours) < 0 || ptsname_r(ours, path, sizeof(path)) != 0)
		r = -errno;
	else if ((theirs = util_open_raw(path)) < 0)
		r = theirs;
	if (r < 0)
		return trouble_set(t, r, "broker", "no pseudo-terminal: %s", strerror(-r));
	line = fork();
	if (line == 0)
		serve_line(ours);
	if (line < 0)
		return trouble_set(t, -errno, "broker", "%s", strerror(errno));
	memcpy(ret_path, path, sizeof(path));
	return 0;
}

void broker_line_stop(void)
{
	if (line <= 0)
		return;
	kill(line, SIGKILL);
	waitpid(line, NULL, 0);
	line = -1;
}

/* ---- the client ---- */
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

/* The serial line of a VM that was given one; its containers read the same names, but
 * have no node. */
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
	int r = fd < 0 ? -errno : address(BROKER_PATH, &sa);

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
		return failed("answer", ENOMEM);
	do {
		size += (size_t)n;
		n = read(fd, answer + size, ANSWER_MAX - size);
	} while (n > 0 && !memchr(answer + size, '\n', (size_t)n) && size < ANSWER_MAX);
	size += n > 0 ? (size_t)n : 0;
	_cleanup_(util_json_decrefp) json_t *object = json_loadb(answer, size, 0, NULL);
	if (!json_is_object(object))
		return failed("answer", size ? EPROTO : ECONNRESET);
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
		return failed(has_line ? "open" : "connect", fd);
	int r = util_write_all(fd, request->report_data, sizeof(request->report_data));
	return r < 0 ? failed("request", r) : read_answer(fd);
}
