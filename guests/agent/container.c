/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent/broker.h"
#include "agent/driver.h"
#include "agent/rootfs.h"
#include "agent/util.h"
#include "agent/weak.h"

#define TDX_NODE        "/dev/tdx_guest"
#define TSM_REPORT      "/sys/kernel/config/tsm/report"
#define TDX_SYSFS       "/sys/devices/virtual/misc/tdx_guest"
#define CGROUPS         "/sys/fs/cgroup"
#define OVERLAYFS_MAGIC 0x794c7630

/* What of this layer was changed for the container, to be put back. */
static struct {
	const char *path;
	struct stat before;
} changed[2];
static size_t changes;
static pid_t broker = -1;

static void add_bind(struct container *c, const char *from, const char *to, bool read_only)
{
	struct bind *b = &c->bind[c->binds];

	if (c->binds == CONTAINER_BINDS_MAX)
		return;
	snprintf(b->from, sizeof(b->from), "%s", from);
	b->to = to;
	b->read_only = read_only;
	c->binds++;
}

/* As a udev rule would: for everybody in this layer, so it is put back afterwards. */
static int change_node(const char *path, gid_t group, mode_t mode, struct trouble *t)
{
	if (stat(path, &changed[changes].before) < 0)
		return errno == ENOENT ? 0 : trouble_set(t, -errno, "node", "%s", path);
	changed[changes++].path = path;
	if (chown(path, (uid_t)-1, group) < 0 || chmod(path, mode) < 0)
		return trouble_set(t, -errno, "node", "%s: %s", path, strerror(errno));
	return 0;
}

static int change_nodes(const struct layer *layer, struct trouble *t)
{
	int r = 0;

	changes = 0;
	if (layer_grants(layer, "devmode"))
		r = change_node(TDX_NODE, (gid_t)-1, 0666, t);
	else if (layer_grants(layer, "devgroup"))
		r = change_node(TDX_NODE, TDX_GID, 0660, t);
	if (r == 0 && layer_grants(layer, "tsmmode"))
		r = change_node(TSM_REPORT, (gid_t)-1, 0777, t);
	return r;
}

static int start_broker(struct container *c, const char *name, struct trouble *t)
{
	char path[108];

	snprintf(path, sizeof(path), RUN_DIR "/broker-%s", name);
	int r = util_mkdirs(RUN_DIR, 0755);
	if (r == 0)
		r = broker_start(path, &broker);
	if (r < 0)
		return trouble_set(t, r, "broker", "%s: %s", path, strerror(-r));
	add_bind(c, path, BROKER_PATH, false);
	return 0;
}

static void add_grants(struct container *c)
{
	const struct layer *l = c->layer;

	if (layer_grants(l, "dev"))
		c->device[c->devices++] = TDX_NODE;
	if (layer_grants(l, "kvm"))
		c->device[c->devices++] = "/dev/kvm";
	if (layer_grants(l, "sysrw"))
		add_bind(c, "/sys", "/sys", false);
	if (layer_grants(l, "tsm") || layer_grants(l, "tsm-ro"))
		add_bind(c, "/sys/kernel/config", "/sys/kernel/config", !layer_grants(l, "tsm"));
	if (layer_grants(l, "rtmr"))
		add_bind(c, TDX_SYSFS, TDX_SYSFS, false);
}

/* The image's programs, for the tools that start the next layer. */
static void add_tools(struct container *c)
{
	add_bind(c, "/usr", "/usr", true);
	if (access("/boot", F_OK) == 0)
		add_bind(c, "/boot", "/boot", true);
}

/* The axis `rootfs`: as it is, `weak` (weak.h), or `changed` by one byte. */
static int make_root(const struct container *c, uid_t owner, char *root, size_t size,
                     int64_t end_ms, struct trouble *t)
{
	const char *variant = layer_axis(c->layer, "rootfs", "");
	bool weak = strcmp(variant, "weak") == 0, changed_root = strcmp(variant, "changed") == 0;
	size_t n = strlen(root);

	if (variant[0] && !weak && !changed_root)
		return trouble_set(t, -EINVAL, "rootfs", "no such root file system: %.40s",
		                   variant);
	snprintf(root + n, size - n, "%s%s", variant[0] ? "-" : "", variant);
	/* Engines and containers before this one leave things in it, and those would
	 * be measured. */
	int r = 0;
	if (layer_grants(c->layer, "measured"))
		r = command_quiet((int)(end_ms - util_now_ms()), "rm", "-rf", "--one-file-system",
		                  root, NULL);
	if (r < 0)
		return trouble_set(t, r, "rootfs", "the last one is still there: %s", strerror(-r));
	r = rootfs_make(root, owner, c->nest, end_ms, t);
	if (r == 0 && weak)
		r = weak_make(root, owner, t);
	if (r == 0 && changed_root)
		r = rootfs_change(root, t);
	return r;
}

int container_make(const struct layer *layer, const char *name, const char *dir, uid_t owner,
                   int64_t end_ms, struct container *ret, struct trouble *t)
{
	static char root[160];
	struct container c = {
	        .layer = layer,
	        .root = root,
	        .nest = layer->below > 0,
	        .privileged =
	                strcmp(layer->mode, "privileged") == 0 || layer_grants(layer, "privileged"),
	        .group = layer_grants(layer, "devgroup") ? TDX_GID : 0,
	        .user = layer_axis(layer, "user", "root"),
	        .capability = layer_axis(layer, "cap", NULL),
	        .word = strcmp(layer_axis(layer, "rootfs", ""), "weak") == 0
	                        ? "weak"
	                        : layer_axis(layer, "agent", "layer"),
	};

	snprintf(root, sizeof(root), "%s%s", dir, c.nest ? "-nest" : "");
	int r = make_root(&c, owner, root, sizeof(root), end_ms, t);
	if (r == 0)
		r = change_nodes(layer, t);
	if (r == 0 && layer_grants(layer, "broker"))
		r = start_broker(&c, name, t);
	if (r < 0)
		return r;
	if (c.nest)
		add_tools(&c);
	add_grants(&c);
	*ret = c;
	return 0;
}

void container_clean(const struct layer *layer, const char *name)
{
	char path[108];

	(void)layer;
	if (broker > 0) {
		snprintf(path, sizeof(path), RUN_DIR "/broker-%s", name);
		broker_stop(path, broker);
	}
	broker = -1;
	while (changes > 0) {
		const char *node = changed[--changes].path;
		const struct stat *before = &changed[changes].before;
		if (chown(node, before->st_uid, before->st_gid) < 0 ||
		    chmod(node, before->st_mode & 07777) < 0)
			util_log("%s can't be put back: %s", node, strerror(errno));
	}
}

unsigned container_uid(const struct container *c)
{
	return (unsigned)strtoul(c->user, NULL, 10); /* 0 for words */
}

void container_add_access(struct command *c, const struct container *k)
{
	if (k->privileged)
		command_add(c, "--privileged");
	for (size_t i = 0; i < k->devices; i++)
		command_addf(c, "--device=%s", k->device[i]);
	for (size_t i = 0; i < k->binds; i++)
		command_addf(c, "--volume=%s:%s%s", k->bind[i].from, k->bind[i].to,
		             k->bind[i].read_only ? ":ro" : "");
}

void container_add_limits(struct command *c, const struct container *k)
{
	if (k->capability && strcmp(k->capability, "none") == 0)
		command_add(c, "--cap-drop=all");
	else if (k->capability)
		command_addf(c, "--cap-add=%s", k->capability);
	if (layer_grants(k->layer, "noapparmor"))
		command_add(c, "--security-opt=apparmor=unconfined");
	if (layer_grants(k->layer, "noseccomp"))
		command_add(c, "--security-opt=seccomp=unconfined");
}

int container_need_runtime_dir(struct trouble *t)
{
	char path[64];

	snprintf(path, sizeof(path), "/run/user/%d", ROOTLESS_UID);
	int r = util_mkdirs(path, 0700);
	if (r == 0 && chown(path, ROOTLESS_UID, ROOTLESS_UID) < 0)
		r = -errno;
	return r == 0 ? 0 : trouble_set(t, r, "runtime dir", "%s: %s", path, strerror(-r));
}

/* ---- an engine inside a container ---- */
static void storage_on_tmpfs(const char *storage)
{
	struct statfs fs;

	if (util_mkdirs(storage, 0711) == 0 && statfs(storage, &fs) == 0 &&
	    (unsigned long)fs.f_type == OVERLAYFS_MAGIC)
		mount("tmpfs", storage, "tmpfs", 0, "mode=0711");
}

/* Controllers can be handed down only by a cgroup without processes (cgroup-v2.rst). */
static void empty_cgroup_root(void)
{
	_cleanup_(util_freep) char *pids = NULL;
	char *rest = NULL;

	if (access(CGROUPS "/cgroup.type", F_OK) < 0) /* the real root, which is exempt */
		return;
	mkdir(CGROUPS "/tception-init", 0755);
	if (util_read_file(CGROUPS "/cgroup.procs", 1 << 16, &pids, NULL) < 0)
		return;
	for (char *pid = strtok_r(pids, "\n", &rest); pid; pid = strtok_r(NULL, "\n", &rest))
		util_write_file(CGROUPS "/tception-init/cgroup.procs", pid, strlen(pid));
}

void container_host_engine(const char *storage)
{
	storage_on_tmpfs(storage);
	empty_cgroup_root();
}
