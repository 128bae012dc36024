/* SPDX-License-Identifier: Apache-2.0 */
/* Bubblewrap, as root or as an unprivileged user: namespaces of its own, nothing mounted unasked. */
#include "agent/container.h"
#include "agent/driver.h"

static void add_binds(struct command *c, const struct container *k)
{
	for (size_t i = 0; i < k->binds; i++)
		command_add_all(c, k->bind[i].read_only ? "--ro-bind" : "--bind", k->bind[i].from,
		                k->bind[i].to, NULL);
	for (size_t i = 0; i < k->devices; i++)
		command_add_all(c, "--dev-bind", k->device[i], k->device[i], NULL);
}

static int prepare(struct entry *e, struct trouble *t)
{
	const bool user = e->layer.mode == MODE_USER;
	const struct container *k = &e->container;
	struct command *c = &e->command;
	int r = container_make(e, user ? ROOTLESS_HOME "/bwrap-root" : RUN_DIR "/bwrap-root",
	                       user ? ROOTLESS_UID : 0, t);

	if (r < 0)
		return r;
	c->uid = user ? ROOTLESS_UID : 0;
	c->group = k->group;
	command_measure(c, "rootfs", k->root);
	command_add_all(c, "bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
	                "--unshare-net", "--unshare-cgroup", "--die-with-parent", "--bind", k->root,
	                "/", "--proc", "/proc", "--dev", "/dev", NULL);
	if (layer_said(&e->layer, AXIS_USERNS))
		command_add(c, "--unshare-user");
	if (container_drops_capabilities(e))
		command_add_all(c, "--cap-drop", "ALL", NULL);
	if (container_capability(e)) {
		command_add(c, "--cap-add");
		command_addf(c, "CAP_%s", container_capability(e));
	}
	add_binds(c, k);
	command_add_all(c, "/agent", k->word, NULL);
	return 0;
}

static const struct driver bwrap = {.kind = KIND_BWRAP, .prepare = prepare, .good_exit = -1};
DRIVER(bwrap);
