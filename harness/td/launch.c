/* SPDX-License-Identifier: Apache-2.0 */
/* The processes behind a TD: guardian and keeper, each of which ends when the other does. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "td/td.h"

static int keeper(const struct td_spec *s, int owner, int report, pid_t guardian)
{
	struct err e = {0};
	int r;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != guardian)
		return 1;
	r = td_keep(s, owner, report, &e);
	if (getppid() != guardian)
		place_remove(&s->place);
	return r < 0;
}

/* Nothing of a terminal's or a script's is held: they end when their own ends are closed. */
static void detach(void)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	if (null > 2)
		close(null);
	if (chdir("/") < 0)
		return;
}

/* Waits for the keeper, whatever becomes of it; what is left of it goes. */
static void guardian(const struct td_spec *s, int owner, int report)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	pid_t me = getpid(), pid;
	sigset_t set, old;
	int signal;

	detach();
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < COUNT_OF(ends); i++)
		sigaddset(&set, ends[i]);
	sigprocmask(SIG_BLOCK, &set, &old);
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		_exit(keeper(s, owner, report, me));
	}
	close(report);
	if (owner >= 0)
		close(owner);
	if (s->console >= 0)
		close(s->console);
	while (pid > 0 && waitpid(pid, NULL, WNOHANG) == 0) {
		if (sigwait(&set, &signal) == 0 && signal != SIGCHLD)
			kill(pid, SIGTERM);
	}
	place_remove(&s->place);
	_exit(0);
}

static int read_report(int fd, double *ret_seconds, struct err *e)
{
	char text[sizeof(e->text)];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(text) - 1 && (got = read(fd, text + n, sizeof(text) - 1 - n)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	text[n] = '\0';
	if (sscanf(text, "ready %lf", ret_seconds) == 1)
		return 0;
	return err_set(e, -EIO, "%s", n ? text : "the TD's keeper has ended");
}

int td_launch(const struct td_spec *s, int *ret_owner, double *ret_seconds, struct err *e)
{
	_cleanup_(closep) int near = -1, far = -1, in = -1, out = -1;
	int owner[2], report[2], r;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "pipe");
	in = report[0];
	out = report[1];
	if (ret_owner) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, owner) < 0)
			return err_sys(e, -errno, "socketpair");
		near = owner[0];
		far = owner[1];
	}
	pid = fork();
	if (pid < 0)
		return err_sys(e, -errno, "fork");
	if (pid == 0) {
		close(in);
		if (near >= 0)
			close(near);
		guardian(s, far, out);
	}
	close(TAKE_FD(out));
	r = read_report(in, ret_seconds, e);
	if (r == 0 && ret_owner)
		*ret_owner = TAKE_FD(near);
	if (r < 0)
		td_launch_wait();
	return r;
}

void td_launch_wait(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}
