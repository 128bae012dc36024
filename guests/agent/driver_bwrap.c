/* SPDX-License-Identifier: Apache-2.0 */
/* Bubblewrap, as root or as an unprivileged user: namespaces of its own, nothing
 * mounted unasked. */
#include <string.h>

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

static int prepare(const struct layer *layer, const char *name, int64_t end_ms, struct command *ret,
                   struct trouble *t)
{
	bool user = strcmp(layer->mode, "user") == 0;
	struct container k;
	int r = container_make(layer, name,
	                       user ? "/home/tception/bwrap-root" : RUN_DIR "/bwrap-root",
	                       user ? ROOTLESS_UID : 0, end_ms, &k, t);

	if (r < 0)
		return r;
	ret->uid = user ? ROOTLESS_UID : 0;
	ret->group = k.group;
	command_measure(ret, "rootfs", k.root);
	command_add_all(ret, "bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
	                "--unshare-net", "--unshare-cgroup", "--die-with-parent", "--bind", k.root,
	                "/", "--proc", "/proc", "--dev", "/dev", NULL);
	if (k.capability && strcmp(k.capability, "none") == 0)
		command_add_all(ret, "--cap-drop", "ALL", NULL);
	else if (k.capability) {
		command_add(ret, "--cap-add");
		command_addf(ret, "CAP_%s", k.capability);
	}
	add_binds(ret, &k);
	command_add_all(ret, "/agent", k.word, NULL);
	return 0;
}

static const char *const modes[] = {"", "user", NULL};

const struct driver driver_bwrap = {.kind = "bwrap",
                                    .modes = modes,
                                    .prepare = prepare,
                                    .clean = container_clean,
                                    .good_exit = -1};
