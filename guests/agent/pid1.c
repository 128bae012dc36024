/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pid1.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/device.h"
#include "agent/serve.h"
#include "agent/util.h"

#define PORT_NAME    "tception"
#define TTY_OPTION   "tception.tty="
#define PORT_WORD_MS 10000

static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	for (int i = 0; fd >= 0 && i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

/*
 * Where there is no virtio, as in User-mode Linux, the kernel's command line names a serial line.
 * Nothing may have come in before it is raw: whoever is on the other side waits for READY.
 */
static int open_tty(void)
{
	char path[300];

	if (util_kernel_option(TTY_OPTION, path, sizeof(path)) < 0)
		return -ENOENT;
	return util_open_raw(path);
}

/* As long as the host waits: only its deadline ends a boot. */
static int open_port(void)
{
	int64_t word = util_now_ms() + PORT_WORD_MS;
	char path[300];
	int tty = open_tty();

	if (tty != -ENOENT)
		return tty;

	for (;;) {
		int fd = port_find(PORT_NAME, path, sizeof(path)) == 0
		                 ? open(path, O_RDWR | O_CLOEXEC)
		                 : -1;
		if (fd >= 0)
			return fd;
		if (util_now_ms() >= word) {
			util_log("still no virtio port named '" PORT_NAME "'");
			word += PORT_WORD_MS;
		}
		util_sleep_ms(10);
	}
}

/* In a process of its own, so that waiting for orphans never takes a child of the server's. */
static int serve_port(void)
{
	_cleanup_(util_closep) int fd = open_port();
	struct channel c;

	if (fd < 0) {
		util_log("no channel: %s", strerror(-fd));
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	channel_init(&c, fd, fd, true);
	int r = serve(&c);
	if (r < 0)
		util_log("channel: %s", strerror(-r));
	return r < 0;
}

int port_main(void)
{
	return serve_port();
}

int pid1_main(void)
{
	int r = system_mount_first(), status = 0;
	pid_t server, ended;

	open_console();
	if (r == 0)
		r = root_enter();
	if (r < 0) {
		util_log("no root: %s", strerror(-r));
		return 1;
	}
	system_prepare();
	server = fork();
	if (server < 0)
		return 1;
	if (server == 0)
		_exit(job_present() ? job_run() : serve_port());
	do
		ended = wait(&status);
	while (ended > 0 && ended != server);
	if (ended != server || status != 0) {
		util_log("the agent has ended with wait status %#x", (unsigned)status);
		return 1;
	}
	reboot(RB_POWER_OFF);
	return 1;
}
