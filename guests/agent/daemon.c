/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/paths.h"
#include "agent/util.h"

int daemon_connect(const char *socket_path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", socket_path);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	util_closep(&fd);
	return -1;
}

bool daemon_pings(const char *socket_path, const char *path)
{
	_cleanup_(util_closep) int fd = daemon_connect(socket_path);
	char question[128], answer[64] = "";
	int size = snprintf(question, sizeof(question), "GET %s HTTP/1.0\r\nHost: engine\r\n\r\n",
	                    path);

	if (fd < 0 || send(fd, question, (size_t)size, MSG_NOSIGNAL) != size ||
	    recv(fd, answer, sizeof(answer) - 1, 0) <= 0)
		return false;
	return strstr(answer, " 200 ") != NULL;
}

static pid_t start(const struct daemon *d, const struct command *c)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	int log = open(d->log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int null = open("/dev/null", O_RDONLY);
	setsid();
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	if (process_become(d->uid, 0) == 0)
		execvp(c->argv[0], c->argv);
	_exit(127);
}

static int failed(const struct daemon *d, const char *what, int code, struct trouble *t)
{
	_cleanup_(util_freep) char *log = NULL;
	size_t size = 0;

	if (util_read_file(d->log, 4 << 20, &log, &size) < 0 || size == 0)
		return trouble_set(t, code, d->name, "%s", what);
	return trouble_set(t, code, d->name, "%s: %s", what, log + (size > 300 ? size - 300 : 0));
}

static int run(const struct daemon *d, const struct command *c, int64_t end_ms, struct trouble *t)
{
	pid_t pid = start(d, c);
	int status, tries = 2;

	if (pid < 0)
		return trouble_set(t, -errno, d->name, "can't be started");
	while (!d->answers(d->socket)) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			/* On a slow machine dockerd may give up on its own containerd, once. */
			pid = --tries > 0 ? start(d, c) : -1;
			if (pid < 0)
				return failed(d, "ended", -ECHILD, t);
		}
		if (util_now_ms() >= end_ms) {
			kill(-pid, SIGKILL);
			return failed(d, "was not ready in time", -ETIMEDOUT, t);
		}
		util_sleep_ms(50);
	}
	return 0;
}

int daemon_need(const struct daemon *d, int64_t end_ms, struct trouble *t)
{
	struct command c = {0};
	int r;

	if (d->answers(d->socket))
		return 0;
	r = util_mkdirs(RUN_DIR, 0755);
	if (r < 0)
		return trouble_set(t, r, d->name, RUN_DIR ": %s", strerror(-r));
	r = d->ready ? d->ready(end_ms, t) : 0;
	if (r < 0)
		return r;
	d->command(&c);
	r = run(d, &c, end_ms, t);
	command_done(&c);
	return r;
}
