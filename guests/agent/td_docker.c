/* SPDX-License-Identifier: Apache-2.0 */
/* As a distribution's socket unit does it: the daemon costs time only to who asks it something. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/driver.h"
#include "agent/process.h"
#include "agent/td.h"
#include "agent/util.h"

#define SOCKET   "/run/docker.sock"
#define DAEMON   "/usr/sbin/dockerd"
#define LOG      RUN_DIR "/dockerd.log"
#define READY_MS 600000

int td_docker_listen(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET};
	_cleanup_(util_closep) int fd = -1;

	if (access(DAEMON, X_OK) < 0)
		return -ENOENT;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(SOCKET);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(SOCKET, 0660) < 0 || listen(fd, 64) < 0)
		return -errno;
	int r = fd;
	fd = -1;
	return r;
}

/* Its containerd is started first and waited for, as docker layers do: dockerd waits only 15 s. */
static int start_containerd(void)
{
	const struct layer layer = {.kind = &kind_rows[KIND_DOCKER]};
	const struct driver *docker = driver_find(&layer);
	struct trouble t = {0};
	int r = docker && docker->daemons[0]
	                ? daemon_need(docker->daemons[0], util_now_ms() + READY_MS, &t)
	                : -ENOENT;

	if (r < 0)
		util_log("docker: %s: %s", t.step, t.reason[0] ? t.reason : strerror(-r));
	return r;
}

/* By the protocol of sd_listen_fds(3). */
static void become_dockerd(int listener)
{
	char pid[24];
	int log = open(LOG, O_WRONLY | O_CREAT | O_APPEND, 0644);

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	dup2(listener, 3);
	fcntl(3, F_SETFD, 0);
	dup2(log, 1);
	dup2(log, 2);
	process_become(0, 0);
	execl(DAEMON, DAEMON, "--host=fd://", "--group=root",
	      "--containerd=/run/containerd/containerd.sock", (char *)NULL);
}

void td_docker_serve(int listener)
{
	struct pollfd fd = {.fd = listener, .events = POLLIN};

	while (poll(&fd, 1, -1) < 0 && errno == EINTR)
		;
	if (start_containerd() == 0)
		become_dockerd(listener);
	util_log("docker: " DAEMON ": %s", strerror(errno));
}
