/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/td.h"
#include "core/cleanup.h"

struct options {
	struct td_wish wish;
};

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		data += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* What is typed goes in, what it says comes out, until it is gone or Ctrl-] is typed. */
static void converse(int console, int input, bool terminal)
{
	struct pollfd fd[2] = {{.fd = console, .events = POLLIN}, {.fd = input, .events = POLLIN}};
	char data[4096];
	ssize_t n;

	for (;;) {
		if (poll(fd, 2, -1) < 0 && errno != EINTR)
			return;
		if (fd[0].revents) {
			n = read(console, data, sizeof(data));
			if (n <= 0 || write_all(STDOUT_FILENO, data, (size_t)n) < 0)
				return;
		}
		if (!fd[1].revents)
			continue;
		n = read(input, data, sizeof(data));
		if (n <= 0)
			fd[1].fd = -1;
		else if ((terminal && memchr(data, TASK_ESCAPE, (size_t)n)) ||
		         write_all(console, data, (size_t)n) < 0)
			return;
	}
}

static int boot(const struct options *o, struct err *e)
{
	_cleanup_(closep) int near = -1;
	/* Who reads or sets its terminal in the background is stopped. */
	pid_t front = tcgetpgrp(STDIN_FILENO);
	bool behind = front >= 0 && front != getpgrp();
	bool terminal = isatty(STDIN_FILENO) && !behind;
	struct termios before, raw;
	struct td_spec s;
	int fd[2], owner, r = td_make(&o->wish, &s, e);
	double seconds;

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
		r = err_sys(e, -errno, "socketpair");
	} else {
		near = fd[0];
		s.console = fd[1];
		r = td_launch(&s, &owner, &seconds, e);
		close(fd[1]);
	}
	if (r == 0) {
		fprintf(stderr, "tception: %s: %s boots %s%s\n", s.place.name, td_title(&s),
		        o->wish.boot, terminal ? "; Ctrl-] ends it" : "");
		terminal = terminal && tcgetattr(STDIN_FILENO, &before) == 0;
		if (terminal) {
			raw = before;
			cfmakeraw(&raw);
			tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
		}
		converse(near, behind ? -1 : STDIN_FILENO, terminal);
		if (terminal)
			tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
		close(owner);
		td_launch_wait();
	}
	td_unmake(&s);
	return r;
}

int cmd_td_boot(int argc, char **argv)
{
	static const struct option_row rows[] = {OPTIONS_OF_A_MACHINE, {0}};
	static const struct options_of options = {
	        .about = "Boots a disk image (raw or qcow2) as a trust domain, by its own loader "
	                 "and "
	                 "kernel, with the serial line on this terminal. Nothing is written to the "
	                 "image: what the guest writes is lost with it.\v"
	                 "It ends when the guest powers off, or by Ctrl-]. Its quotes come by "
	                 "configfs-tsm; a PCCS is on this machine, which is 10.0.2.2 there. "
	                 "'td list' and 'td down' know it; 'td exec' runs programs where the image "
	                 "has the agent of 'tception agent-kit'.",
	        .usage = "DISK",
	        .operand = OPTION_MEMBER(const char *, wish.boot),
	        .operands = 1,
	        .missing = "no DISK",
	        .rows = rows,
	};
	struct options o = {0};
	struct err e = {0};
	int r;

	options_parse(&options, argc, argv, &o);
	r = boot(&o, &e);
	return td_exit(r, &e);
}
