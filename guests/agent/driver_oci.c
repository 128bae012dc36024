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

static bool is_rootless(const struct entry *e)
{
	return e->layer.mode == MODE_ROOTLESS;
}

static void bundle_path(const struct entry *e, char path[128])
{
	snprintf(path, 128, "%s/%s", is_rootless(e) ? ROOTLESS_HOME : RUN_DIR, e->name);
}

static const char *root_of(const struct entry *e)
{
	if (is_rootless(e))
		return ROOTLESS_HOME "/oci-root";
	return container_owner(e) ? RUN_DIR "/oci-shifted" : RUN_DIR "/oci-root";
}

static int make_bundle(struct entry *e, const char *dir, struct trouble *t)
{
	const uid_t owner = is_rootless(e) ? ROOTLESS_UID : container_owner(e);
	int r = is_rootless(e) ? container_need_runtime_dir(t) : 0;

	if (r == 0)
		r = container_make(e, root_of(e), owner, t);
	if (r < 0)
		return r;
	r = oci_write_bundle(e, dir, owner);
	return r == 0 ? 0 : trouble_set(t, r, "bundle", "%s: %s", dir, strerror(-r));
}

/* The runtime and its options up to the verb. gVisor has no cgroup delegated and no network. */
static void add_runtime(struct command *c, const struct entry *e)
{
	const struct layer *l = &e->layer;

	c->uid = is_rootless(e) ? ROOTLESS_UID : 0;
	command_add_all(c, l->kind->name,
	                is_rootless(e) ? "--root=/run/user/1000/oci" : "--root=" RUN_DIR "/oci",
	                NULL);
	if (l->kind == &kind_rows[KIND_CRUN]) {
		command_add(c, "--cgroup-manager=disabled");
	} else if (l->kind == &kind_rows[KIND_RUNC] && is_rootless(e)) {
		command_add(c, "--rootless=true");
	} else if (l->kind == &kind_rows[KIND_RUNSC]) {
		command_add_all(c, "--network=none", "--ignore-cgroups", NULL);
		command_addf(c, "--platform=%s", mode_name(l->mode));
		if (layer_has(l, GRANT_BROKER))
			command_add(c, "--host-uds=open");
	}
}

static int prepare(struct entry *e, struct trouble *t)
{
	struct command *c = &e->command;
	char dir[128], config[160];
	int r;

	bundle_path(e, dir);
	r = make_bundle(e, dir, t);
	if (r < 0)
		return r;
	add_runtime(c, e);
	c->group = e->container.group;
	command_add_all(c, "run", "--bundle", dir, e->name, NULL);
	command_measure(c, "rootfs", e->container.root);
	snprintf(config, sizeof(config), "%s/config.json", dir);
	command_measure(c, "config.json", config);
	return 0;
}

static void stop(const struct entry *e)
{
	struct command c = {0};

	add_runtime(&c, e);
	command_add_all(&c, "delete", "--force", e->name, NULL);
	command_run(&c, "", util_now_ms() + 10000, NULL);
	command_done(&c);
}

static void clean(const struct entry *e)
{
	char dir[128], path[160];

	bundle_path(e, dir);
	snprintf(path, sizeof(path), "%s/config.json", dir);
	unlink(path);
	rmdir(dir);
}

#define RUNTIME .prepare = prepare, .stop = stop, .clean = clean, .good_exit = -1
static const struct driver crun = {.kind = KIND_CRUN, RUNTIME};
static const struct driver runc = {.kind = KIND_RUNC, RUNTIME};
static const struct driver runsc = {.kind = KIND_RUNSC, RUNTIME};
DRIVER(crun);
DRIVER(runc);
DRIVER(runsc);
