/* SPDX-License-Identifier: Apache-2.0 */
/* Podman, as root or as an unprivileged user with sub-IDs; the root file system is a directory. */
#include "agent/container.h"
#include "agent/driver.h"
#include "agent/util.h"

#define STORAGE "/var/lib/containers"

static bool is_rootless(const struct entry *e)
{
	return e->layer.mode == MODE_ROOTLESS;
}

static void add_podman(struct command *c, const struct entry *e)
{
	c->uid = is_rootless(e) ? ROOTLESS_UID : 0;
	command_add_all(c, "podman", "--cgroup-manager=cgroupfs", "--events-backend=none", NULL);
}

static void add_options(struct entry *e)
{
	const gid_t group = e->container.group;
	struct command *c = &e->command;

	container_add_access(e);
	if (group && is_rootless(e)) {
		c->group = group; /* the user is in it, and the container keeps that */
		command_add(c, "--group-add=keep-groups");
	} else if (group) {
		command_addf(c, "--group-add=%u", (unsigned)group);
	}
	if (layer_word(&e->layer, AXIS_USER) == WORD_USER_KEEP_ID)
		command_add(c, "--userns=keep-id");
	else if (container_uid(e))
		command_addf(c, "--user=%u:%u", container_uid(e), container_uid(e));
	container_add_limits(e);
}

static int prepare(struct entry *e, struct trouble *t)
{
	struct command *c = &e->command;
	int r = 0;

	if (is_rootless(e))
		r = container_need_runtime_dir(t);
	else
		container_host_engine(STORAGE);
	if (r == 0)
		r = container_make(
		        e, is_rootless(e) ? ROOTLESS_HOME "/rootfs" : RUN_DIR "/podman-root",
		        is_rootless(e) ? ROOTLESS_UID : 0, t);
	if (r < 0)
		return r;
	add_podman(c, e);
	command_add_all(c, "run", "--rm", "--interactive", "--network=none", "--log-driver=none",
	                "--name", e->name, NULL);
	add_options(e);
	command_add_all(c, "--rootfs", e->container.root, "/agent", e->container.word, NULL);
	command_measure(c, "rootfs", e->container.root);
	return 0;
}

/* After the kill of its cgroup nothing may be left, but rootful podman makes cgroups elsewhere. */
static void stop(const struct entry *e)
{
	struct command c = {0};

	add_podman(&c, e);
	command_add_all(&c, "rm", "--force", "--time=0", e->name, NULL);
	command_run(&c, "", util_now_ms() + 10000, NULL);
	command_done(&c);
}

static const struct driver podman = {
        .kind = KIND_PODMAN,
        .prepare = prepare,
        .stop = stop,
        .good_exit = -1,
        .storage = {{STORAGE, "mode=0700"}},
        .sockets = {"/run/podman/podman.sock", "/run/user/1000/podman/podman.sock",
                    "/run/user/0/podman/podman.sock"},
};
DRIVER(podman);
