/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker, rootful or rootless: its daemons are started on first use, without network. There is no
 * registry: images are imported from the agent's little tree.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/container.h"
#include "agent/driver.h"
#include "agent/util.h"

#define ROOTLESS_RUN    "/run/user/1000" /* of ROOTLESS_UID */
#define SOCKET          "/run/docker.sock"
#define ROOTLESS_SOCKET ROOTLESS_RUN "/docker.sock"
#define CONTAINERD      "/run/containerd/containerd.sock"
#define STORAGE         "/var/lib/docker"

static bool is_rootless(const struct entry *e)
{
	return e->layer.mode == MODE_ROOTLESS;
}

/* ---- its daemons ---- */
/* Asks /_ping: the socket takes connections long before the daemon answers on it. */
static bool dockerd_answers(const char *path)
{
	static const char ping[] = "GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";
	_cleanup_(util_closep) int fd = daemon_connect(path);
	char answer[64] = "";

	if (fd < 0 || send(fd, ping, sizeof(ping) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(ping) - 1 ||
	    recv(fd, answer, sizeof(answer) - 1, 0) <= 0)
		return false;
	return strstr(answer, " 200 ") != NULL;
}

static bool containerd_answers(const char *path)
{
	_cleanup_(util_closep) int fd = daemon_connect(path);

	return fd >= 0;
}

/* Of its own, because dockerd waits only 15 s for one that it starts itself; set up as that one. */
static int containerd_ready(int64_t end_ms, struct trouble *t)
{
	(void)end_ms;
	static const char config[] =
	        "version = 2\n"
	        "root = \"" STORAGE
	        "/containerd\"\n"
	        "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";

	container_host_engine(STORAGE);
	int r = util_create_file(RUN_DIR "/containerd.toml", config, sizeof(config) - 1, 0644);
	return r == 0 ? 0 : trouble_set(t, r, "containerd", "its configuration: %s", strerror(-r));
}

static void containerd_command(struct command *c)
{
	command_add_all(c, "containerd", "--config", RUN_DIR "/containerd.toml", NULL);
}

static void add_dockerd_options(struct command *c)
{
	command_add_all(c, "--iptables=false", "--ip6tables=false", "--ip-forward=false",
	                "--bridge=none", NULL);
}

static void dockerd_command(struct command *c)
{
	command_add_all(c, "dockerd", "--group=root", "--containerd=" CONTAINERD, NULL);
	add_dockerd_options(c);
	command_add(c, "--host=unix://" SOCKET);
}

/* tun is for slirp4netns. Where there is none to load, it says so itself. */
static int rootless_ready(int64_t end_ms, struct trouble *t)
{
	struct command c = {0};

	command_add_all(&c, "modprobe", "tun", NULL);
	int r = command_run(&c, "modprobe", end_ms, t);
	command_done(&c);
	chmod("/dev/net/tun", 0666); /* as udev's rules have it */
	return r == -ETIMEDOUT ? r : container_need_runtime_dir(t);
}

/*
 * The distribution's own launcher, which enters namespaces of the user's with rootlesskit and
 * slirp4netns. There dockerd has a new sysfs, so it finds neither AppArmor nor configfs.
 */
static void rootless_command(struct command *c)
{
	command_add(c, "/usr/share/docker.io/contrib/dockerd-rootless.sh");
	add_dockerd_options(c);
	command_add(c, "--host=unix://" ROOTLESS_SOCKET);
}

#define ROOTFUL_MODES (1u << MODE_PLAIN | 1u << MODE_PRIVILEGED)
static const struct daemon containerd = {.name = "containerd",
                                         .modes = ROOTFUL_MODES,
                                         .socket = CONTAINERD,
                                         .log = RUN_DIR "/containerd.log",
                                         .answers = containerd_answers,
                                         .ready = containerd_ready,
                                         .command = containerd_command};
static const struct daemon dockerd = {.name = "dockerd",
                                      .modes = ROOTFUL_MODES,
                                      .socket = SOCKET,
                                      .log = RUN_DIR "/dockerd.log",
                                      .answers = dockerd_answers,
                                      .command = dockerd_command};
static const struct daemon dockerd_rootless = {.name = "dockerd",
                                               .modes = 1u << MODE_ROOTLESS,
                                               .socket = ROOTLESS_SOCKET,
                                               .log = RUN_DIR "/dockerd-rootless.log",
                                               .uid = ROOTLESS_UID,
                                               .answers = dockerd_answers,
                                               .ready = rootless_ready,
                                               .command = rootless_command};

/* ---- a container ---- */
static void add_docker(struct command *c, const struct entry *e)
{
	c->uid = is_rootless(e) ? ROOTLESS_UID : 0;
	command_add_all(c, "docker",
	                is_rootless(e) ? "--host=unix://" ROOTLESS_SOCKET : "--host=unix://" SOCKET,
	                NULL);
}

static const char *image_name(const struct entry *e)
{
	return e->container.nest ? "tception-agent-nest" : "tception-agent";
}

static int need_image(const struct entry *e, struct trouble *t)
{
	/* What a daemon was given: of each of the two, the one with what a further layer needs. */
	static bool given[2][2];
	bool *ready = &given[is_rootless(e)][e->container.nest];
	struct command tar = {0}, import = {0};

	if (*ready)
		return 0;
	command_add_all(&tar, "tar", "-C", e->container.root, "-cf", RUN_DIR "/docker.tar", ".",
	                NULL);
	add_docker(&import, e);
	command_add_all(&import, "import", RUN_DIR "/docker.tar", image_name(e), NULL);
	int r = command_run(&tar, "tar", e->end_ms, t);
	if (r == 0)
		r = command_run(&import, "docker import", e->end_ms, t);
	command_done(&tar);
	command_done(&import);
	unlink(RUN_DIR "/docker.tar");
	*ready = r == 0;
	return r;
}

static int prepare(struct entry *e, struct trouble *t)
{
	struct command *c = &e->command;
	int r = container_make(e, RUN_DIR "/docker-root", 0, t);

	if (r == 0)
		r = need_image(e, t);
	if (r < 0)
		return r;
	add_docker(c, e);
	command_add_all(c, "run", "--rm", "--interactive", "--network=none", "--log-driver=none",
	                "--name", e->name, NULL);
	container_add_access(e);
	if (e->container.group)
		command_addf(c, "--group-add=%u", (unsigned)e->container.group);
	if (container_uid(e))
		command_addf(c, "--user=%u:%u", container_uid(e), container_uid(e));
	container_add_limits(e);
	command_add_all(c, image_name(e), "/agent", e->container.word, NULL);
	command_measure(c, "rootfs", e->container.root);
	return 0;
}

static void stop(const struct entry *e)
{
	struct command c = {0};

	add_docker(&c, e);
	command_add_all(&c, "rm", "--force", e->name, NULL);
	command_run(&c, "", util_now_ms() + 10000, NULL);
	command_done(&c);
}

static const struct driver docker = {
        .kind = KIND_DOCKER,
        .prepare = prepare,
        .stop = stop,
        .good_exit = -1,
        .daemons = {&containerd, &dockerd, &dockerd_rootless},
        .storage = {{STORAGE, "mode=0710"}},
        .sockets = {"/var/run/docker.sock"},
};
DRIVER(docker);
