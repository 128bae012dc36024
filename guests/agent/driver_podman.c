/* SPDX-License-Identifier: Apache-2.0 */
/* Podman, as root or as an unprivileged user with sub-IDs; the root file system is a directory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/driver.h"
#include "agent/rootfs.h"
#include "agent/util.h"
#include "agent/weak.h"

#define ROOTLESS_UID 1000 /* the image's unprivileged account */

static bool is_rootless(const struct layer *layer)
{
	return strcmp(layer->mode, "rootless") == 0;
}

/* A systemd login would make this directory; podman keeps its state there. */
static int need_runtime_dir(struct trouble *t)
{
	char path[64];

	snprintf(path, sizeof(path), "/run/user/%d", ROOTLESS_UID);
	int r = util_mkdirs(path, 0700);
	if (r == 0 && chown(path, ROOTLESS_UID, ROOTLESS_UID) < 0)
		r = -errno;
	return r == 0 ? 0 : trouble_set(t, r, "runtime dir", "%s: %s", path, strerror(-r));
}

static void add_podman(struct command *c, const struct layer *layer)
{
	c->uid = is_rootless(layer) ? ROOTLESS_UID : 0;
	command_add_all(c, "podman", "--cgroup-manager=cgroupfs", "--events-backend=none", NULL);
}

/* The axis `rootfs`: as it is, `weak` (weak.h), or `changed` by one byte. */
static int need_root(const struct layer *layer, uid_t owner, char root[64], struct trouble *t)
{
	const char *variant = layer_axis(layer, "rootfs", "");
	bool weak = strcmp(variant, "weak") == 0, changed = strcmp(variant, "changed") == 0;

	if (variant[0] && !weak && !changed)
		return trouble_set(t, -EINVAL, "rootfs", "no such root file system: %.40s",
		                   variant);
	snprintf(root, 64, "%s%s%s", owner ? "/home/tception/rootfs" : RUN_DIR "/podman-root",
	         variant[0] ? "-" : "", variant);
	int r = rootfs_make(root, owner, t);
	if (r == 0 && weak)
		r = weak_make(root, owner, t);
	if (r == 0 && changed)
		r = rootfs_change(root, t);
	return r;
}

static int prepare(const struct layer *layer, const char *name, int64_t end_ms, struct command *ret,
                   struct trouble *t)
{
	int r = is_rootless(layer) ? need_runtime_dir(t) : 0;
	char root[64];

	(void)end_ms;
	if (r == 0)
		r = need_root(layer, is_rootless(layer) ? ROOTLESS_UID : 0, root, t);
	if (r < 0)
		return r;
	add_podman(ret, layer);
	command_add_all(ret, "run", "--rm", "--interactive", "--network=none", "--log-driver=none",
	                "--name", name, NULL);
	if (layer_grants(layer, "privileged"))
		command_add(ret, "--privileged");
	if (layer_grants(layer, "dev"))
		command_add(ret, "--device=/dev/tdx_guest");
	if (layer_grants(layer, "kvm"))
		command_add(ret, "--device=/dev/kvm");
	if (layer_grants(layer, "tsm"))
		command_add(ret, "--volume=/sys/kernel/config:/sys/kernel/config");
	if (layer_grants(layer, "noapparmor"))
		command_add(ret, "--security-opt=apparmor=unconfined");
	command_add_all(ret, "--rootfs", root, "/agent", "layer", NULL);
	command_measure(ret, "rootfs", root);
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

const struct driver driver_podman = {
        .kind = "podman", .modes = modes, .prepare = prepare, .stop = stop, .good_exit = -1};
