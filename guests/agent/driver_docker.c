/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker, rootful or rootless: its daemons are started on first use, without network. There is no
 * registry: images are imported from the agent's little tree.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/container.h"
#include "agent/containerd.h"
#include "agent/driver.h"
#include "agent/util.h"

#define ROOTLESS_RUN    "/run/user/1000" /* of ROOTLESS_UID */
#define SOCKET          "/run/docker.sock"
#define ROOTLESS_SOCKET ROOTLESS_RUN "/docker.sock"
#define STORAGE         CONTAINERD_STORAGE
#define REMAP_SOCKET    "/run/docker-remap.sock"
#define REMAP_STORAGE   "/var/lib/docker-remap"

static bool is_rootless(const struct entry *e)
{
	return e->layer.mode == MODE_ROOTLESS;
}

/* ---- its daemons ---- */
static bool dockerd_answers(const char *path)
{
	return daemon_pings(path, "/_ping");
}

static void add_dockerd_options(struct command *c)
{
	command_add_all(c, "--iptables=false", "--ip6tables=false", "--ip-forward=false",
	                "--bridge=none", NULL);
}

static void dockerd_command(struct command *c)
{
	command_add_all(c, "dockerd", "--group=root", "--containerd=" CONTAINERD_SOCKET, NULL);
	add_dockerd_options(c);
	command_add(c, "--host=unix://" SOCKET);
}

/* Another daemon beside the usual one: what it shifts to is a property of all its containers. */
static void remap_command(struct command *c)
{
	command_add_all(c, "dockerd", "--group=root", "--containerd=" CONTAINERD_SOCKET,
	                "--userns-remap=tception", "--data-root=" REMAP_STORAGE,
	                "--exec-root=/run/docker-remap", "--pidfile=/run/docker-remap.pid", NULL);
	add_dockerd_options(c);
	command_add(c, "--host=unix://" REMAP_SOCKET);
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
static const struct daemon dockerd = {.name = "dockerd",
                                      .modes = ROOTFUL_MODES,
                                      .socket = SOCKET,
                                      .log = RUN_DIR "/dockerd.log",
                                      .answers = dockerd_answers,
                                      .command = dockerd_command};
static const struct daemon dockerd_remap = {.name = "dockerd",
                                            .modes = 1u << MODE_REMAP,
                                            .socket = REMAP_SOCKET,
                                            .log = RUN_DIR "/dockerd-remap.log",
                                            .answers = dockerd_answers,
                                            .command = remap_command};
static const struct daemon dockerd_rootless = {.name = "dockerd",
                                               .modes = 1u << MODE_ROOTLESS,
                                               .socket = ROOTLESS_SOCKET,
                                               .log = RUN_DIR "/dockerd-rootless.log",
                                               .uid = ROOTLESS_UID,
                                               .answers = dockerd_answers,
                                               .ready = rootless_ready,
                                               .command = rootless_command};

/* ---- a container ---- */
static const char *socket_of(enum mode mode)
{
	if (mode == MODE_REMAP)
		return REMAP_SOCKET;
	return mode == MODE_ROOTLESS ? ROOTLESS_SOCKET : SOCKET;
}

static void add_docker(struct command *c, const struct entry *e)
{
	c->uid = is_rootless(e) ? ROOTLESS_UID : 0;
	command_add(c, "docker");
	command_addf(c, "--host=unix://%s", socket_of(e->layer.mode));
}

static const char *image_name(const struct entry *e)
{
	return e->container.nest ? "tception-agent-nest" : "tception-agent";
}

static int need_image(const struct entry *e, struct trouble *t)
{
	/* What a daemon was given: of each, the one with what a further layer needs. */
	static bool given[MODE_COUNT][2];
	const enum mode mode = e->layer.mode == MODE_PRIVILEGED ? MODE_PLAIN : e->layer.mode;
	bool *ready = &given[mode][e->container.nest];
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
	/* Its files are root's: the daemon shifts them itself. */
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
        .daemons = {&containerd_daemon, &dockerd, &dockerd_remap, &dockerd_rootless},
        .storage = {{STORAGE, "mode=0710"}, {REMAP_STORAGE, "mode=0711"}},
        .sockets = {"/var/run/docker.sock"},
};
DRIVER(docker);
