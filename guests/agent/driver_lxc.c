/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LXC with the distribution's own defaults (its common and userns configuration, generated AppArmor
 * profile), started by root: privileged without, unprivileged with a user namespace.
 */
#include <errno.h>
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

static void config_path(const char *name, char path[128])
{
	snprintf(path, 128, RUN_DIR "/lxc-%s.conf", name);
}

static void write_device(FILE *f, const char *node)
{
	struct stat st;

	fprintf(f, "lxc.mount.entry = %s %s none bind,create=file 0 0\n", node, node + 1);
	if (stat(node, &st) == 0)
		fprintf(f, "lxc.cgroup2.devices.allow = c %u:%u rwm\n", major(st.st_rdev),
		        minor(st.st_rdev));
}

static void write_bind(FILE *f, const struct bind *b)
{
	struct stat st;
	bool dir = stat(b->from, &st) < 0 || S_ISDIR(st.st_mode);

	fprintf(f, "lxc.mount.entry = %s %s none %s%s,create=%s 0 0\n", b->from, b->to + 1,
	        dir ? "rbind" : "bind", b->read_only ? ",ro" : "", dir ? "dir" : "file");
}

/* The includes drop some capabilities; a list of those to keep can't stand beside that. */
static void write_capabilities(FILE *f, const struct container *k)
{
	if (!k->capability)
		return;
	fprintf(f, "lxc.cap.drop =\n");
	if (strcmp(k->capability, "none") == 0)
		fprintf(f, "lxc.cap.keep = none\n");
}

static void write_config(FILE *f, const struct container *k, const char *name)
{
	fprintf(f, "lxc.include = " SHARE "common.conf\n");
	if (is_unprivileged(k->layer))
		fprintf(f,
		        "lxc.include = " SHARE
		        "userns.conf\n"
		        "lxc.idmap = u 0 %u 65536\nlxc.idmap = g 0 %u 65536\n",
		        SHIFTED_UID, SHIFTED_UID);
	fprintf(f,
	        "lxc.rootfs.path = dir:%s\nlxc.uts.name = %s\nlxc.net.0.type = empty\n"
	        "lxc.console.path = none\nlxc.pty.max = 0\nlxc.tty.max = 0\nlxc.apparmor.profile = "
	        "%s\n",
	        k->root, name, layer_grants(k->layer, "noapparmor") ? "unconfined" : "generated");
	if (layer_grants(k->layer, "noseccomp"))
		fprintf(f, "lxc.seccomp.profile =\n");
	if (k->group)
		fprintf(f, "lxc.init.groups = %u\n", (unsigned)k->group);
	if (container_uid(k))
		fprintf(f, "lxc.init.uid = %u\nlxc.init.gid = %u\n", container_uid(k),
		        container_uid(k));
	write_capabilities(f, k);
	for (size_t i = 0; i < k->binds; i++)
		write_bind(f, &k->bind[i]);
	for (size_t i = 0; i < k->devices; i++)
		write_device(f, k->device[i]);
}

static int prepare(const struct layer *layer, const char *name, int64_t end_ms, struct command *ret,
                   struct trouble *t)
{
	bool shifted = is_unprivileged(layer);
	struct container k;
	char path[128];
	int r = container_make(layer, name, shifted ? RUN_DIR "/lxc-shifted" : RUN_DIR "/lxc-root",
	                       shifted ? SHIFTED_UID : 0, end_ms, &k, t);

	if (r < 0)
		return r;
	config_path(name, path);
	FILE *f = fopen(path, "we");
	if (!f)
		return trouble_set(t, -errno, "config", "%s: %s", path, strerror(errno));
	write_config(f, &k, name);
	if (fclose(f) != 0)
		return trouble_set(t, -EIO, "config", "%s", path);
	command_add_all(ret, "lxc-start", "--foreground", "--name", name, "--lxcpath", STATE_DIR,
	                "--rcfile", path, "--", "/agent", k.word, NULL);
	return util_mkdirs(STATE_DIR, 0755) < 0
	               ? trouble_set(t, -errno, "config", "%s: %s", STATE_DIR, strerror(errno))
	               : 0;
}

static void stop(const struct layer *layer, const char *name)
{
	(void)layer;
	command_quiet(10000, "lxc-stop", "--kill", "--name", name, "--lxcpath", STATE_DIR, NULL);
}

static void clean(const struct layer *layer, const char *name)
{
	char path[128];

	config_path(name, path);
	unlink(path);
	container_clean(layer, name);
}

static const char *const modes[] = {"privileged", "unprivileged", NULL};

const struct driver driver_lxc = {.kind = "lxc",
                                  .modes = modes,
                                  .prepare = prepare,
                                  .stop = stop,
                                  .clean = clean,
                                  .good_exit = -1};
