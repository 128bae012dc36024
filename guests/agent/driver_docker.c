/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker, rootful or rootless: the daemon is started on first use, without network. There is no
 * registry: images are imported from the agent's little tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/container.h"
#include "agent/driver.h"
#include "agent/util.h"

/* One of the two daemons. */
struct engine {
	const char *socket, *host, *log, *storage;
	uid_t uid;
	bool image_ready[2]; /* [1]: the one with what a further layer needs */
};

#define ROOTLESS_RUN "/run/user/1000" /* of ROOTLESS_UID */
#define CONTAINERD   "/run/containerd/containerd.sock"

static struct engine rootful = {
        .socket = "/run/docker.sock",
        .host = "--host=unix:///run/docker.sock",
        .log = RUN_DIR "/dockerd.log",
        .storage = "/var/lib/docker",
};
static struct engine rootless = {
        .socket = ROOTLESS_RUN "/docker.sock",
        .host = "--host=unix://" ROOTLESS_RUN "/docker.sock",
        .log = RUN_DIR "/dockerd-rootless.log",
        .uid = ROOTLESS_UID,
};

static struct engine *engine_of(const struct layer *layer)
{
	return strcmp(layer->mode, "rootless") == 0 ? &rootless : &rootful;
}

static int connect_to(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	util_closep(&fd);
	return -1;
}

/* Asks /_ping: the socket takes connections long before the daemon answers on it. */
static bool dockerd_answers(const char *path)
{
	static const char ping[] = "GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";
	_cleanup_(util_closep) int fd = connect_to(path);
	char answer[64] = "";

	if (fd < 0 || send(fd, ping, sizeof(ping) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(ping) - 1 ||
	    recv(fd, answer, sizeof(answer) - 1, 0) <= 0)
		return false;
	return strstr(answer, " 200 ") != NULL;
}

static bool containerd_answers(const char *path)
{
	_cleanup_(util_closep) int fd = connect_to(path);

	return fd >= 0;
}

/*
 * Rootless: the distribution's own launcher, which enters namespaces of the user's with rootlesskit
 * and slirp4netns. There dockerd has a new sysfs, so it finds neither AppArmor nor configfs.
 */
static void dockerd_command(const struct engine *e, struct command *c)
{
	if (e->uid)
		command_add_all(c, "/usr/share/docker.io/contrib/dockerd-rootless.sh", NULL);
	else
		command_add_all(c, "dockerd", "--group=root", "--containerd=" CONTAINERD, NULL);
	command_add_all(c, "--iptables=false", "--ip6tables=false", "--ip-forward=false",
	                "--bridge=none", e->host, NULL);
}

/* Left running until the machine goes down; its output goes to a file, the end of
 * which explains. */
static pid_t start_daemon(const struct command *c, const char *log_path, uid_t uid)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int null = open("/dev/null", O_RDONLY);
	setsid();
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	if (process_become(uid, 0) == 0)
		execvp(c->argv[0], c->argv);
	_exit(127);
}

static int daemon_failed(const char *name, const char *log_path, const char *what, int code,
                         struct trouble *t)
{
	_cleanup_(util_freep) char *log = NULL;
	size_t size = 0;

	if (util_read_file(log_path, 4 << 20, &log, &size) < 0 || size == 0)
		return trouble_set(t, code, name, "%s", what);
	return trouble_set(t, code, name, "%s: %s", what, log + (size > 300 ? size - 300 : 0));
}

/* Starts it and waits until it answers on its socket. */
static int run_daemon(const struct command *c, const char *name, const char *log_path, uid_t uid,
                      bool (*answers)(const char *), const char *path, int64_t end_ms,
                      struct trouble *t)
{
	pid_t pid = start_daemon(c, log_path, uid);
	int status, tries = 2;

	if (pid < 0)
		return trouble_set(t, -errno, name, "can't be started");
	while (!answers(path)) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			/* On a slow machine dockerd may give up on its own containerd, once. */
			pid = --tries > 0 ? start_daemon(c, log_path, uid) : -1;
			if (pid < 0)
				return daemon_failed(name, log_path, "ended", -ECHILD, t);
		}
		if (util_now_ms() >= end_ms) {
			kill(-pid, SIGKILL);
			return daemon_failed(name, log_path, "was not ready in time", -ETIMEDOUT,
			                     t);
		}
		util_sleep_ms(50);
	}
	return 0;
}

/* Of its own, because dockerd waits only 15 s for one that it starts itself; set up as that one. */
static int need_containerd(int64_t end_ms, struct trouble *t)
{
	static const char config[] =
	        "version = 2\n"
	        "root = \"/var/lib/docker/containerd\"\n"
	        "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";
	struct command c = {0};

	if (containerd_answers(CONTAINERD))
		return 0;
	int r = util_create_file(RUN_DIR "/containerd.toml", config, sizeof(config) - 1, 0644);
	if (r < 0)
		return trouble_set(t, r, "containerd", "its configuration: %s", strerror(-r));
	command_add_all(&c, "containerd", "--config", RUN_DIR "/containerd.toml", NULL);
	r = run_daemon(&c, "containerd", RUN_DIR "/containerd.log", 0, containerd_answers,
	               CONTAINERD, end_ms, t);
	command_done(&c);
	return r;
}

/* For slirp4netns. Where there is none to load, it says so itself. */
static int load_tun(int64_t end_ms, struct trouble *t)
{
	struct command c = {0};

	command_add_all(&c, "modprobe", "tun", NULL);
	int r = command_run(&c, "modprobe", end_ms, t);
	command_done(&c);
	chmod("/dev/net/tun", 0666); /* as udev's rules have it */
	return r == -ETIMEDOUT ? r : 0;
}

static int need_daemon(const struct engine *e, int64_t end_ms, struct trouble *t)
{
	struct command c = {0};
	int r = util_mkdirs(RUN_DIR, 0755);

	if (dockerd_answers(e->socket))
		return 0;
	if (r < 0)
		return trouble_set(t, r, "dockerd", RUN_DIR ": %s", strerror(-r));
	if (e->uid) {
		r = load_tun(end_ms, t);
		if (r == 0)
			r = container_need_runtime_dir(t);
	} else {
		container_host_engine(e->storage);
		r = need_containerd(end_ms, t);
	}
	if (r < 0)
		return r;
	dockerd_command(e, &c);
	r = run_daemon(&c, "dockerd", e->log, e->uid, dockerd_answers, e->socket, end_ms, t);
	command_done(&c);
	return r;
}

static void add_docker(struct command *c, const struct engine *e)
{
	c->uid = e->uid;
	command_add_all(c, "docker", e->host, NULL);
}

static const char *image_name(const struct container *k)
{
	return k->nest ? "tception-agent-nest" : "tception-agent";
}

static int need_image(struct engine *e, const struct container *k, int64_t end_ms,
                      struct trouble *t)
{
	struct command tar = {0}, import = {0};

	if (e->image_ready[k->nest])
		return 0;
	command_add_all(&tar, "tar", "-C", k->root, "-cf", RUN_DIR "/docker.tar", ".", NULL);
	add_docker(&import, e);
	command_add_all(&import, "import", RUN_DIR "/docker.tar", image_name(k), NULL);
	int r = command_run(&tar, "tar", end_ms, t);
	if (r == 0)
		r = command_run(&import, "docker import", end_ms, t);
	command_done(&tar);
	command_done(&import);
	unlink(RUN_DIR "/docker.tar");
	e->image_ready[k->nest] = r == 0;
	return r;
}

static void add_options(struct command *c, const struct container *k)
{
	container_add_access(c, k);
	if (k->group)
		command_addf(c, "--group-add=%u", (unsigned)k->group);
	if (container_uid(k))
		command_addf(c, "--user=%u:%u", container_uid(k), container_uid(k));
	container_add_limits(c, k);
}

static int prepare(const struct layer *layer, const char *name, int64_t end_ms, struct command *ret,
                   struct trouble *t)
{
	struct engine *e = engine_of(layer);
	struct container k;
	int r = need_daemon(e, end_ms, t);

	if (r == 0)
		r = container_make(layer, name, RUN_DIR "/docker-root", 0, end_ms, &k, t);
	if (r == 0)
		r = need_image(e, &k, end_ms, t);
	if (r < 0)
		return r;
	add_docker(ret, e);
	command_add_all(ret, "run", "--rm", "--interactive", "--network=none", "--log-driver=none",
	                "--name", name, NULL);
	add_options(ret, &k);
	command_add_all(ret, image_name(&k), "/agent", k.word, NULL);
	command_measure(ret, "rootfs", k.root);
	return 0;
}

static void stop(const struct layer *layer, const char *name)
{
	struct command c = {0};

	add_docker(&c, engine_of(layer));
	command_add_all(&c, "rm", "--force", name, NULL);
	command_run(&c, "", util_now_ms() + 10000, NULL);
	command_done(&c);
}

static const char *const modes[] = {"", "privileged", "rootless", NULL};

const struct driver driver_docker = {.kind = "docker",
                                     .modes = modes,
                                     .prepare = prepare,
                                     .stop = stop,
                                     .clean = container_clean,
                                     .good_exit = -1};
