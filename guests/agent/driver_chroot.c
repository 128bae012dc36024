/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel itself has: chroot(8) and unshare(1), as root or as an unprivileged user. */
#include "agent/container.h"
#include "agent/driver.h"
#include "agent/mounted.h"

static bool is_user(const struct entry *e)
{
	return e->layer.mode == MODE_USER;
}

static int make(struct entry *e, const char *dir, struct trouble *t)
{
	int r = container_make(e, dir, is_user(e) ? ROOTLESS_UID : 0, t);

	return r == 0 ? mounted_make(e, e->container.root, t) : r;
}

static void clean(const struct entry *e)
{
	if (e->container.root[0])
		mounted_undo(e, e->container.root);
}

/* Root in it keeps all capabilities; no namespace is its own. */
static int prepare_chroot(struct entry *e, struct trouble *t)
{
	struct command *c = &e->command;
	int r = make(e, is_user(e) ? RUN_DIR "/chroot-user" : RUN_DIR "/chroot-root", t);

	command_add(c, "chroot");
	if (is_user(e)) {
		command_addf(c, "--userspec=%d:%d", ROOTLESS_UID, ROOTLESS_UID);
		if (e->container.group)
			command_addf(c, "--groups=%u", (unsigned)e->container.group);
		else
			command_add(c, "--groups=");
	}
	command_add_all(c, e->container.root, "/agent", e->container.word, NULL);
	return r;
}

/* A user can have the other namespaces only within one of users. */
static int prepare_unshare(struct entry *e, struct trouble *t)
{
	struct command *c = &e->command;
	int r = make(e, is_user(e) ? ROOTLESS_HOME "/unshare-root" : RUN_DIR "/unshare-root", t);

	c->uid = is_user(e) ? ROOTLESS_UID : 0;
	c->group = e->container.group;
	command_add_all(c, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--ipc",
	                "--uts", "--net", "--cgroup", "--mount-proc", NULL);
	if (is_user(e) || layer_said(&e->layer, AXIS_USERNS))
		command_add(c, "--map-root-user");
	command_addf(c, "--root=%s", e->container.root);
	command_add_all(c, "/agent", e->container.word, NULL);
	return r;
}

static const struct driver chroot_driver = {
        .kind = KIND_CHROOT, .prepare = prepare_chroot, .clean = clean, .good_exit = -1};
static const struct driver unshare_driver = {
        .kind = KIND_UNSHARE, .prepare = prepare_unshare, .clean = clean, .good_exit = -1};
DRIVER(chroot_driver);
DRIVER(unshare_driver);
