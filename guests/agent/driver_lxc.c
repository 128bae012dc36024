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

static bool is_unprivileged(const struct layer *layer)
{
	return strcmp(layer->mode, "unprivileged") == 0;
}

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
static void add_capabilities(struct command *c, const struct container *k)
{
	if (!k->capability)
		return;
	define(c, "lxc.cap.drop=");
	if (strcmp(k->capability, "none") == 0)
		define(c, "lxc.cap.keep=none");
}

static void add_options(struct command *c, const struct container *k)
{
	if (layer_grants(k->layer, "noseccomp"))
		define(c, "lxc.seccomp.profile=");
	if (k->group)
		define(c, "lxc.init.groups=%u", (unsigned)k->group);
	if (container_uid(k)) {
		define(c, "lxc.init.uid=%u", container_uid(k));
		define(c, "lxc.init.gid=%u", container_uid(k));
	}
	add_capabilities(c, k);
	for (size_t i = 0; i < k->binds; i++)
		add_bind(c, &k->bind[i]);
	for (size_t i = 0; i < k->devices; i++)
		add_device(c, k->device[i]);
}

static int prepare(const struct layer *layer, const char *name, int64_t end_ms, struct command *ret,
                   struct trouble *t)
{
	bool shifted = is_unprivileged(layer);
	struct container k;
	int r = container_make(layer, name, shifted ? RUN_DIR "/lxc-shifted" : RUN_DIR "/lxc-root",
	                       shifted ? SHIFTED_UID : 0, end_ms, &k, t);

	if (r == 0)
		r = util_mkdirs(STATE_DIR, 0755);
	if (r < 0)
		return r;
	command_measure(ret, "rootfs", k.root);
	command_add_all(ret, "lxc-start", "--foreground", "--name", name, "--lxcpath", STATE_DIR,
	                "--rcfile", SHARE "common.conf", NULL);
	if (shifted) {
		define(ret, "lxc.include=" SHARE "userns.conf");
		define(ret, "lxc.idmap=u 0 %u 65536", SHIFTED_UID);
		define(ret, "lxc.idmap=g 0 %u 65536", SHIFTED_UID);
	}
	define(ret, "lxc.rootfs.path=dir:%s", k.root);
	define(ret, "lxc.uts.name=%s", name);
	define(ret, "lxc.net.0.type=empty");
	define(ret, "lxc.console.path=none");
	define(ret, "lxc.pty.max=0");
	define(ret, "lxc.tty.max=0");
	define(ret, "lxc.apparmor.profile=%s",
	       layer_grants(layer, "noapparmor") ? "unconfined" : "generated");
	add_options(ret, &k);
	command_add_all(ret, "--", "/agent", k.word, NULL);
	return 0;
}

static void stop(const struct layer *layer, const char *name)
{
	(void)layer;
	command_quiet(10000, "lxc-stop", "--kill", "--name", name, "--lxcpath", STATE_DIR, NULL);
}

static const char *const modes[] = {"privileged", "unprivileged", NULL};

const struct driver driver_lxc = {.kind = "lxc",
                                  .modes = modes,
                                  .prepare = prepare,
                                  .stop = stop,
                                  .clean = container_clean,
                                  .good_exit = -1};
