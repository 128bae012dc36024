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

#include "agent/guard.h"
#include "agent/report.h"
#include "agent/util.h"

int broker_patience_ms = 30000;

json_t *broker_failed(const char *step, int error)
{
	json_t *report = json_pack("{s:b,s:s}", "ok", 0, "step", step);

	util_json_set_errno(report, error);
	return report;
}

int broker_address(const char *path, struct sockaddr_un *ret)
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
	return report ? report : broker_failed("deadline", error);
}

static void serve_one(int fd)
{
	const struct timeval patience = {.tv_sec = broker_patience_ms / 1000 + 1};
	struct report_request request;
	int r = take_request(fd, &request);

	if (r < 0 && r != -ETIMEDOUT)
		return;
	_cleanup_(util_json_decrefp) json_t *report =
	        r < 0 ? broker_failed("request", r) : ask_quote(&request);
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

int broker_start(const char *path, struct broker *ret)
{
	_cleanup_(util_closep) int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	int r = broker_address(path, &sa);

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
	*ret = (struct broker){.pid = pid, .socket = true};
	memcpy(ret->path, sa.sun_path, sizeof(ret->path));
	return 0;
}

void broker_stop(struct broker *b)
{
	if (b->pid > 0) {
		kill(b->pid, SIGKILL);
		waitpid(b->pid, NULL, 0);
	}
	if (b->pid > 0 && b->socket)
		unlink(b->path);
	*b = (struct broker){0};
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

/* The broker keeps the VM's end open, too: else it would read EIO while nobody has it. */
int broker_line_start(struct broker *ret, struct trouble *t)
{
	_cleanup_(util_closep) int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), theirs = -1;
	struct broker b = {0};
	int r = 0;

	if (ours < 0 || unlockpt(ours) < 0 || ptsname_r(ours, b.path, sizeof(b.path)) != 0)
		r = -errno;
	else if ((theirs = util_open_raw(b.path)) < 0)
		r = theirs;
	if (r < 0)
		return trouble_set(t, r, "broker", "no pseudo-terminal: %s", strerror(-r));
	b.pid = fork();
	if (b.pid == 0)
		serve_line(ours);
	if (b.pid < 0)
		return trouble_set(t, -errno, "broker", "%s", strerror(errno));
	*ret = b;
	return 0;
}
