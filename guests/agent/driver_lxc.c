/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LXC with the distribution's own defaults (its common and userns configuration, generated AppArmor
 * profile), started by root: privileged without, unprivileged with a user namespace.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/container.h"
#include "agent/driver.h"
#include "agent/util.h"

#define STATE_DIR RUN_DIR "/lxc"
#define SHARE     "/usr/share/lxc/config/"

/* One setting of the container's configuration. */
static void define(struct command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void define(struct command *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	command_add_all(c, "--define", text, NULL);
}

static void add_device(struct command *c, const char *node)
{
	struct stat st;

	define(c, "lxc.mount.entry=%s %s none bind,create=file 0 0", node, node + 1);
	if (stat(node, &st) == 0)
		define(c, "lxc.cgroup2.devices.allow=c %u:%u rwm", major(st.st_rdev),
		       minor(st.st_rdev));
}

static void add_bind(struct command *c, const struct bind *b)
{
	struct stat st;
	bool dir = stat(b->from, &st) < 0 || S_ISDIR(st.st_mode);

	define(c, "lxc.mount.entry=%s %s none %s%s,create=%s 0 0", b->from, b->to + 1,
	       dir ? "rbind" : "bind", b->read_only ? ",ro" : "", dir ? "dir" : "file");
}

/*
 * The distribution drops some capabilities; a list of those to keep can't stand beside that. It
 * has no list of those to add, for privileged containers have all others.
 */
static void add_capabilities(struct entry *e)
{
	if (!container_drops_capabilities(e))
		return;
	define(&e->command, "lxc.cap.drop=");
	define(&e->command, "lxc.cap.keep=none");
}

static void add_options(struct entry *e)
{
	const struct container *k = &e->container;
	struct command *c = &e->command;

	if (layer_has(&e->layer, GRANT_NOSECCOMP))
		define(c, "lxc.seccomp.profile=");
	if (k->group)
		define(c, "lxc.init.groups=%u", (unsigned)k->group);
	if (container_uid(e)) {
		define(c, "lxc.init.uid=%u", container_uid(e));
		define(c, "lxc.init.gid=%u", container_uid(e));
	}
	add_capabilities(e);
	for (size_t i = 0; i < k->binds; i++)
		add_bind(c, &k->bind[i]);
	for (size_t i = 0; i < k->devices; i++)
		add_device(c, k->device[i]);
}

static int prepare(struct entry *e, struct trouble *t)
{
	const bool shifted = e->layer.mode == MODE_UNPRIVILEGED;
	const struct container *k = &e->container;
	struct command *c = &e->command;
	int r = container_make(e, shifted ? RUN_DIR "/lxc-shifted" : RUN_DIR "/lxc-root",
	                       shifted ? SHIFTED_UID : 0, t);

	if (r == 0)
		r = util_mkdirs(STATE_DIR, 0755);
	if (r < 0)
		return r;
	command_measure(c, "rootfs", k->root);
	command_add_all(c, "lxc-start", "--foreground", "--name", e->name, "--lxcpath", STATE_DIR,
	                "--rcfile", SHARE "common.conf", NULL);
	if (shifted || layer_said(&e->layer, AXIS_USERNS)) {
		define(c, "lxc.include=" SHARE "userns.conf");
		define(c, "lxc.idmap=u 0 %u 65536", shifted ? SHIFTED_UID : 0);
		define(c, "lxc.idmap=g 0 %u 65536", shifted ? SHIFTED_UID : 0);
	}
	define(c, "lxc.rootfs.path=dir:%s", k->root);
	define(c, "lxc.uts.name=%s", e->name);
	define(c, "lxc.net.0.type=empty");
	define(c, "lxc.console.path=none");
	define(c, "lxc.pty.max=0");
	define(c, "lxc.tty.max=0");
	define(c, "lxc.apparmor.profile=%s",
	       layer_has(&e->layer, GRANT_NOAPPARMOR) ? "unconfined" : "generated");
	add_options(e);
	command_add_all(c, "--", "/agent", k->word, NULL);
	return 0;
}

static void stop(const struct entry *e)
{
	command_quiet(10000, "lxc-stop", "--kill", "--name", e->name, "--lxcpath", STATE_DIR, NULL);
}

static const struct driver lxc = {
        .kind = KIND_LXC,
        .prepare = prepare,
        .stop = stop,
        .good_exit = -1,
        .storage = {{"/var/lib/lxc", NULL}},
};
DRIVER(lxc);
