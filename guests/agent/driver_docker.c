/* SPDX-License-Identifier: Apache-2.0 */
/* Docker: the daemon is started on first use, without network; the image is the agent alone. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/driver.h"
#include "agent/rootfs.h"
#include "agent/util.h"

#define SOCKET "/run/docker.sock"
#define IMAGE  "tception-agent"
#define LOG    RUN_DIR "/dockerd.log"

static bool image_ready;

/* Asks /_ping: the socket takes connections long before the daemon answers on it. */
static bool daemon_answers(void)
{
	static const char ping[] = "GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";
	struct sockaddr_un sa = {.sun_family = AF_UNIX, .sun_path = SOCKET};
	const struct timeval patience = {.tv_sec = 5};
	_cleanup_(util_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer[64] = "";

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    send(fd, ping, sizeof(ping) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(ping) - 1 ||
	    recv(fd, answer, sizeof(answer) - 1, 0) <= 0)
		return false;
	return strstr(answer, " 200 ") != NULL;
}

/* Left running until the machine goes down; its output goes to a file, the end of which explains.
 */
static pid_t start_daemon(void)
{
	char *const argv[] = {"dockerd",
	                      "--iptables=false",
	                      "--ip6tables=false",
	                      "--bridge=none",
	                      "--group=root",
	                      "--host=unix://" SOCKET,
	                      NULL};
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	int log = open(LOG, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int null = open("/dev/null", O_RDONLY);
	setsid();
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	execvp(argv[0], argv);
	_exit(127);
}

static int daemon_failed(const char *what, int code, struct trouble *t)
{
	_cleanup_(util_freep) char *log = NULL;
	size_t size = 0;

	if (util_read_file(LOG, 4 << 20, &log, &size) < 0 || size == 0)
		return trouble_set(t, code, "dockerd", "%s", what);
	return trouble_set(t, code, "dockerd", "%s: %s", what, log + (size > 300 ? size - 300 : 0));
}

static int need_daemon(int64_t end_ms, struct trouble *t)
{
	pid_t pid;
	int status;

	if (daemon_answers())
		return 0;
	pid = start_daemon();
	if (pid < 0)
		return daemon_failed("can't be started", -errno, t);
	while (!daemon_answers()) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return daemon_failed("ended", -ECHILD, t);
		if (util_now_ms() >= end_ms) {
			kill(pid, SIGKILL);
			return daemon_failed("was not ready in time", -ETIMEDOUT, t);
		}
		util_sleep_ms(50);
	}
	return 0;
}

/* No registry: the image is imported from a tar file of the agent's little tree. */
static int need_image(int64_t end_ms, struct trouble *t)
{
	struct command tar = {0}, import = {0};

	if (image_ready)
		return 0;
	int r = rootfs_make(RUN_DIR "/docker-root", 0, t);
	if (r < 0)
		return r;
	command_add_all(&tar, "tar", "-C", RUN_DIR "/docker-root", "-cf", RUN_DIR "/docker.tar",
	                ".", NULL);
	command_add_all(&import, "docker", "import", RUN_DIR "/docker.tar", IMAGE, NULL);
	r = command_run(&tar, "tar", end_ms, t);
	if (r == 0)
		r = command_run(&import, "docker import", end_ms, t);
	command_done(&tar);
	command_done(&import);
	unlink(RUN_DIR "/docker.tar");
	image_ready = r == 0;
	return r;
}

static int prepare(const struct layer *layer, const char *name, int64_t end_ms, struct command *ret,
                   struct trouble *t)
{
	int r = need_daemon(end_ms, t);

	if (r == 0)
		r = need_image(end_ms, t);
	if (r < 0)
		return r;
	command_add_all(ret, "docker", "run", "--rm", "--interactive", "--network=none",
	                "--log-driver=none", "--name", name, NULL);
	if (strcmp(layer->mode, "privileged") == 0)
		command_add(ret, "--privileged");
	if (layer_grants(layer, "dev"))
		command_add(ret, "--device=/dev/tdx_guest");
	if (layer_grants(layer, "kvm"))
		command_add(ret, "--device=/dev/kvm");
	if (layer_grants(layer, "tsm"))
		command_add(ret, "--volume=/sys/kernel/config:/sys/kernel/config");
	if (layer_grants(layer, "noapparmor"))
		command_add(ret, "--security-opt=apparmor=unconfined");
	command_add_all(ret, IMAGE, "/agent", "layer", NULL);
	command_measure(ret, "rootfs", RUN_DIR "/docker-root");
	return 0;
}

static void stop(const struct layer *layer, const char *name)
{
	(void)layer;
	command_quiet(10000, "docker", "rm", "--force", name, NULL);
}

static const char *const modes[] = {"", "privileged", NULL};

const struct driver driver_docker = {
        .kind = "docker", .modes = modes, .prepare = prepare, .stop = stop, .good_exit = -1};
