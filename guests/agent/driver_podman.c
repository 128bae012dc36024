/* SPDX-License-Identifier: Apache-2.0 */
/* Podman, as root or as an unprivileged user with sub-IDs; the root file system is a directory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/container.h"
#include "agent/driver.h"
#include "agent/util.h"

static bool is_rootless(const struct layer *layer)
{
	return strcmp(layer->mode, "rootless") == 0;
}

static void add_podman(struct command *c, const struct layer *layer)
{
	c->uid = is_rootless(layer) ? ROOTLESS_UID : 0;
	command_add_all(c, "podman", "--cgroup-manager=cgroupfs", "--events-backend=none", NULL);
}

static void add_options(struct command *c, const struct container *k)
{
	const struct layer *layer = k->layer;

	container_add_access(c, k);
	if (k->group && is_rootless(layer)) {
		c->group = k->group; /* the user is in it, and the container keeps that */
		command_add(c, "--group-add=keep-groups");
	} else if (k->group) {
		command_addf(c, "--group-add=%u", (unsigned)k->group);
	}
	if (strcmp(k->user, "keep-id") == 0)
		command_add(c, "--userns=keep-id");
	else if (container_uid(k))
		command_addf(c, "--user=%u:%u", container_uid(k), container_uid(k));
	container_add_limits(c, k);
}

static int prepare(const struct layer *layer, const char *name, int64_t end_ms, struct command *ret,
                   struct trouble *t)
{
	const char *root = is_rootless(layer) ? "/home/tception/rootfs" : RUN_DIR "/podman-root";
	uid_t owner = is_rootless(layer) ? ROOTLESS_UID : 0;
	struct container k;
	int r = 0;

	if (is_rootless(layer))
		r = container_need_runtime_dir(t);
	else
		container_host_engine("/var/lib/containers");
	if (r == 0)
		r = container_make(layer, name, root, owner, end_ms, &k, t);
	if (r < 0)
		return r;
	add_podman(ret, layer);
	command_add_all(ret, "run", "--rm", "--interactive", "--network=none", "--log-driver=none",
	                "--name", name, NULL);
	add_options(ret, &k);
	command_add_all(ret, "--rootfs", k.root, "/agent", k.word, NULL);
	command_measure(ret, "rootfs", k.root);
	return 0;
}

/* After the kill of its cgroup nothing may be left, but rootful podman makes cgroups elsewhere. */
static void stop(const struct layer *layer, const char *name)
{
	struct command c = {0};

	add_podman(&c, layer);
	command_add_all(&c, "rm", "--force", "--time=0", name, NULL);
	command_run(&c, "", util_now_ms() + 10000, NULL);
	command_done(&c);
}

static const char *const modes[] = {"rootful", "rootless", NULL};

const struct driver driver_podman = {.kind = "podman",
                                     .modes = modes,
                                     .prepare = prepare,
                                     .stop = stop,
                                     .clean = container_clean,
                                     .good_exit = -1};
