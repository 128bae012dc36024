/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent. As PID 1 of a VM it makes the machine ready and serves its virtio port; called as
 * `agent layer` it serves stdin and stdout.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/libvirt.h"
#include "agent/misbehave.h"
#include "agent/pid1.h"
#include "agent/serve.h"
#include "agent/systemd.h"
#include "agent/terminal.h"
#include "agent/util.h"
#include "agent/weak.h"

/* Frames own stdout: whatever a library might print goes to stderr. */
static int serve_stdio(void)
{
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	struct channel c;

	if (in < 0 || out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		util_log("no channel: %s", strerror(errno));
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	channel_init(&c, in, out, false);
	int r = serve(&c);
	if (r < 0)
		util_log("channel: %s", strerror(-r));
	return r < 0;
}

int main(int argc, char **argv)
{
	if (argc == 1 && weak_be_shell(argv[0]))
		return 1;
	if (argc == 2 && strcmp(argv[1], "layer") == 0)
		return serve_stdio();
	if (argc == 2 && strcmp(argv[1], "port") == 0)
		return port_main();
	if (argc == 2 && strcmp(argv[1], SYSTEMD_WORD) == 0)
		return systemd_main();
	if (argc == 4 && strcmp(argv[1], DOMAIN_WORD) == 0)
		return domain_main(argv[2], argv[3]);
	if (argc == 2 && strcmp(argv[1], "weak") == 0) {
		int r = weak_start_shell();
		if (r < 0)
			util_log("sshd: %s", strerror(-r));
		return serve_stdio();
	}
	if (argc >= 3 && strcmp(argv[1], "into") == 0)
		return into_main(argv + 2);
	if (argc == 2 && misbehave_quotes(argv[1]))
		return serve_stdio();
	if (argc == 2 && misbehave(argv[1]))
		return 1;
	if (getpid() == 1)
		return pid1_main();
	fprintf(stderr,
	        "usage: agent layer   (frames on stdin and stdout; otherwise it is an init)\n"
	        "       agent port    (a service: frames on the virtio port `tception`)\n"
	        "       agent into VISIT [PROGRAM...]   (a program in the innermost layer of a "
	        "stack)\n"
	        "       agent systemd (the parent of a systemd in namespaces of its own)\n"
	        "       agent domain SOCKET XML    (the line of a domain that libvirt starts)\n"
	        "       agent hang|flood|garbage   (for tests: how a broken layer behaves)\n"
	        "       agent replay|foreign       (for tests: quotes that are not this layer's)\n"
	        "       agent weak                 (for tests: a layer with an open remote "
	        "shell)\n");
	return 2;
}
