/* SPDX-License-Identifier: Apache-2.0 */
/* Podman, as root or as an unprivileged user with sub-IDs; the root file system is a directory. */
#include <string.h>

#include "agent/container.h"
#include "agent/driver.h"
#include "agent/util.h"

#define STORAGE "/var/lib/containers"
#define CDI_DIR "/etc/cdi"

static bool is_rootless(const struct entry *e)
{
	return e->layer.mode == MODE_ROOTLESS;
}

static void add_podman(struct command *c, const struct entry *e)
{
	c->uid = is_rootless(e) ? ROOTLESS_UID : 0;
	command_add_all(c, "podman", "--cgroup-manager=cgroupfs", "--events-backend=none", NULL);
}

/* The specification stays: without its name nobody gets anything by it. */
static int add_cdi(struct entry *e, struct trouble *t)
{
	static const char spec[] =
	        "{\"cdiVersion\":\"0.5.0\",\"kind\":\"tception.local/tdx\",\"devices\":[{\"name\":"
	        "\"guest\",\"containerEdits\":{\"deviceNodes\":[{\"path\":\"/dev/tdx_guest\"}]}}]}\n";
	int r = util_mkdirs(CDI_DIR, 0755);

	if (r == 0)
		r = util_create_file(CDI_DIR "/tception.json", spec, sizeof(spec) - 1, 0644);
	if (r < 0)
		return trouble_set(t, r, "cdi", CDI_DIR ": %s", strerror(-r));
	command_add(&e->command, "--device=tception.local/tdx=guest");
	return 0;
}

/* Of one that root starts; `identity` means root alone, for the other IDs change nothing. */
static void add_userns(struct entry *e)
{
	if (!layer_said(&e->layer, AXIS_USERNS))
		return;
	if (!container_owner(e))
		command_add(&e->command, "--uidmap=0:0:1");
	command_addf(&e->command, "--uidmap=%d:%d:65536", container_owner(e) ? 0 : 1, SHIFTED_UID);
}

/* Where its root file system is kept: one for each owner. */
static const char *root_of(const struct entry *e)
{
	if (is_rootless(e))
		return ROOTLESS_HOME "/rootfs";
	return container_owner(e) ? RUN_DIR "/podman-shifted" : RUN_DIR "/podman-root";
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
	add_userns(e);
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
		r = container_make(e, root_of(e), is_rootless(e) ? ROOTLESS_UID : container_owner(e),
		                   t);
	if (r < 0)
		return r;
	add_podman(c, e);
	command_add_all(c, "run", "--rm", "--interactive", "--network=none", "--log-driver=none",
	                "--name", e->name, NULL);
	if (layer_has(&e->layer, GRANT_CDI))
		r = add_cdi(e, t);
	if (r < 0)
		return r;
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
