/* SPDX-License-Identifier: Apache-2.0 */
/* buildah, which `podman build` is too: a line RUN of an image that is being built. */
#include "agent/container.h"
#include "agent/driver.h"
#include "agent/util.h"

#define STORAGE   "/var/lib/containers"
#define REMOVE_MS 10000

/* A working container of the root file system's files. */
static int make_image(struct entry *e, struct trouble *t)
{
	struct command from = {0}, copy = {0};

	command_add_all(&from, "buildah", "from", "--name", e->name, "scratch", NULL);
	int r = command_run(&from, "buildah from", e->end_ms, t);
	command_done(&from);
	command_add_all(&copy, "buildah", "copy", e->name, e->container.root, "/", NULL);
	if (r == 0)
		r = command_run(&copy, "buildah copy", e->end_ms, t);
	command_done(&copy);
	return r;
}

static int prepare(struct entry *e, struct trouble *t)
{
	struct command *c = &e->command;
	int r;

	container_host_engine(STORAGE);
	r = container_make(e, RUN_DIR "/buildah-root", 0, t);
	if (r == 0)
		r = make_image(e, t);
	command_add_all(c, "buildah", "run", NULL);
	if (e->layer.mode == MODE_CHROOT) /* which has the host's network and no other */
		command_add(c, "--isolation=chroot");
	else
		command_add_all(c, "--isolation=oci", "--network=none", NULL);
	container_add_access(e);
	if (container_drops_capabilities(e))
		command_add(c, "--cap-drop=all");
	if (container_capability(e))
		command_addf(c, "--cap-add=CAP_%s", container_capability(e));
	if (container_uid(e))
		command_addf(c, "--user=%u:%u", container_uid(e), container_uid(e));
	command_add_all(c, e->name, "--", "/agent", e->container.word, NULL);
	command_measure(c, "rootfs", e->container.root);
	return r;
}

static void clean(const struct entry *e)
{
	command_quiet(REMOVE_MS, "buildah", "rm", e->name, NULL);
}

static const struct driver buildah = {
        .kind = KIND_BUILDAH, .prepare = prepare, .clean = clean, .good_exit = -1};
DRIVER(buildah);
