/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI runtimes without an engine above them: crun, runc, and gVisor's runsc. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/container.h"
#include "agent/driver.h"
#include "agent/oci.h"
#include "agent/util.h"

static bool is_rootless(const struct layer *layer)
{
	return strcmp(layer->mode, "rootless") == 0;
}

static void bundle_path(const struct layer *layer, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", is_rootless(layer) ? "/home/tception" : RUN_DIR, name);
}

static int make_bundle(const struct layer *layer, const char *name, int64_t end_ms, char dir[128],
                       struct container *ret, struct trouble *t)
{
	uid_t owner = is_rootless(layer) ? ROOTLESS_UID : 0;
	int r = owner ? container_need_runtime_dir(t) : 0;

	if (r == 0)
		r = container_make(layer, name,
		                   owner ? "/home/tception/oci-root" : RUN_DIR "/oci-root", owner,
		                   end_ms, ret, t);
	if (r < 0)
		return r;
	bundle_path(layer, name, dir);
	r = oci_write_bundle(ret, dir, owner);
	return r == 0 ? 0 : trouble_set(t, r, "bundle", "%s: %s", dir, strerror(-r));
}

/* The runtime and its options up to the verb. gVisor has no cgroup delegated and no network. */
static void add_runtime(struct command *c, const struct layer *layer)
{
	c->uid = is_rootless(layer) ? ROOTLESS_UID : 0;
	command_add(c, layer->kind);
	if (is_rootless(layer))
		command_add(c, "--root=/run/user/1000/oci");
	else
		command_add(c, "--root=" RUN_DIR "/oci");
	if (strcmp(layer->kind, "crun") == 0) {
		command_add(c, "--cgroup-manager=disabled");
	} else if (strcmp(layer->kind, "runc") == 0 && is_rootless(layer)) {
		command_add(c, "--rootless=true");
	} else if (strcmp(layer->kind, "runsc") == 0) {
		command_add_all(c, "--network=none", "--ignore-cgroups", NULL);
		command_addf(c, "--platform=%s", layer->mode);
		if (layer_grants(layer, "broker"))
			command_add(c, "--host-uds=open");
	}
}

static int prepare(const struct layer *layer, const char *name, int64_t end_ms, struct command *ret,
                   struct trouble *t)
{
	struct container k;
	char dir[128], config[160];
	int r = make_bundle(layer, name, end_ms, dir, &k, t);

	if (r < 0)
		return r;
	add_runtime(ret, layer);
	ret->group = k.group;
	command_add_all(ret, "run", "--bundle", dir, name, NULL);
	command_measure(ret, "rootfs", k.root);
	snprintf(config, sizeof(config), "%s/config.json", dir);
	command_measure(ret, "config.json", config);
	return 0;
}

static void stop(const struct layer *layer, const char *name)
{
	struct command c = {0};

	add_runtime(&c, layer);
	command_add_all(&c, "delete", "--force", name, NULL);
	command_run(&c, "", util_now_ms() + 10000, NULL);
	command_done(&c);
}

static void clean(const struct layer *layer, const char *name)
{
	char dir[128], path[160];

	bundle_path(layer, name, dir);
	snprintf(path, sizeof(path), "%s/config.json", dir);
	unlink(path);
	rmdir(dir);
	container_clean(layer, name);
}

static const char *const modes[] = {"", "rootless", NULL};
static const char *const platforms[] = {"systrap", "kvm", NULL};

const struct driver driver_crun = {.kind = "crun",
                                   .modes = modes,
                                   .prepare = prepare,
                                   .stop = stop,
                                   .clean = clean,
                                   .good_exit = -1};
const struct driver driver_runc = {.kind = "runc",
                                   .modes = modes,
                                   .prepare = prepare,
                                   .stop = stop,
                                   .clean = clean,
                                   .good_exit = -1};
const struct driver driver_runsc = {.kind = "runsc",
                                    .modes = platforms,
                                    .prepare = prepare,
                                    .stop = stop,
                                    .clean = clean,
                                    .good_exit = -1};
