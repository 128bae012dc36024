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

#include "agent/delegate.h"
#include "agent/driver.h"
#include "agent/place.h"
#include "agent/rootfs.h"
#include "agent/util.h"
#include "agent/weak.h"

#define CGROUPS         "/sys/fs/cgroup"
#define OVERLAYFS_MAGIC 0x794c7630

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
static int change_node(struct container *c, const struct grant_row *g, struct trouble *t)
{
	return delegate_change(c, strcmp(g->node, PLACE_REPORTS) ? g->node : place_reports(),
	                       (uid_t)-1, g->group ? g->group : (gid_t)-1, g->node_mode, t);
}

static int change_nodes(struct entry *e, struct trouble *t)
{
	int r = 0;

	for (int g = 0; g < GRANT_COUNT && r == 0; g++) {
		if (!layer_has(&e->layer, (enum grant)g) || !grant_rows[g].node)
			continue;
		if (grant_rows[g].group)
			e->container.group = grant_rows[g].group;
		r = change_node(&e->container, &grant_rows[g], t);
	}
	return r;
}

static int start_broker(struct entry *e, struct trouble *t)
{
	char path[108];

	snprintf(path, sizeof(path), RUN_DIR "/broker-%s", e->name);
	int r = util_mkdirs(RUN_DIR, 0755);
	if (r == 0)
		r = broker_start(path, &e->broker);
	if (r < 0)
		return trouble_set(t, r, "broker", "%s: %s", path, strerror(-r));
	add_bind(&e->container, path, BROKER_PATH, false);
	return 0;
}

/* A folder comes before those within it, which it would hide; and once. */
static void bind_folder(struct container *c, const char *from, const char *path, bool read_only)
{
	size_t at = 0, size = strlen(path);

	while (at < c->binds && strncmp(c->bind[at].to, path, size) != 0)
		at++;
	if ((at < c->binds && !c->bind[at].to[size]) || c->binds == CONTAINER_BINDS_MAX)
		return;
	add_bind(c, from, path, read_only);
	struct bind b = c->bind[c->binds - 1];
	memmove(&c->bind[at + 1], &c->bind[at], (c->binds - 1 - at) * sizeof(b));
	c->bind[at] = b;
}

/* The user it runs as, as this layer sees it. */
static uid_t outer_uid(const struct entry *e)
{
	const uint32_t shifted = 1u << MODE_UNPRIVILEGED | 1u << MODE_REMAP;
	const uid_t uid = container_uid(e);

	if (layer_mode_in(&e->layer, 1u << MODE_USER) ||
	    (layer_mode_in(&e->layer, 1u << MODE_ROOTLESS) && uid == 0))
		return ROOTLESS_UID;
	if (layer_mode_in(&e->layer, 1u << MODE_ROOTLESS)) /* sub-IDs come after the user itself */
		return SHIFTED_UID + uid - 1;
	if (layer_mode_in(&e->layer, shifted) || container_owner(e))
		return SHIFTED_UID + uid;
	/* Podman's identity is that of root alone, and so is Incus', whose other IDs stay shifted. */
	if (layer_said(&e->layer, AXIS_USERNS) && uid && e->layer.kind == &kind_rows[KIND_PODMAN])
		return SHIFTED_UID + uid - 1;
	if (layer_said(&e->layer, AXIS_USERNS) && uid && e->layer.kind == &kind_rows[KIND_INCUS])
		return SHIFTED_UID + uid;
	return uid;
}

static int add_delegated(struct entry *e, struct trouble *t)
{
	const uid_t uid = outer_uid(e);
	const char *from;
	int r = 0;

	delegate_neighbour(e);
	if (layer_has(&e->layer, GRANT_ENTRY) && (r = delegate_entry(e, uid, &from, t)) == 0)
		add_bind(&e->container, from, grant_rows[GRANT_ENTRY].place, false);
	for (int i = 0; r == 0 && i < GRANT_COUNT; i++) {
		const struct grant_row *g = &grant_rows[i];

		if (!layer_has(&e->layer, (enum grant)i) || !g->delegated)
			continue;
		r = delegate_file(e, g->bind, uid, &from, t);
		if (r == 0)
			add_bind(&e->container, from, g->place, false);
	}
	return r;
}

static void add_grants(struct entry *e)
{
	struct container *c = &e->container;

	for (int i = 0; i < GRANT_COUNT; i++) {
		const struct grant_row *g = &grant_rows[i];

		if (!layer_has(&e->layer, (enum grant)i))
			continue;
		if (g->device && c->devices < CONTAINER_DEVICES_MAX)
			c->device[c->devices++] = g->device;
		if (g->bind && !g->delegated)
			bind_folder(c,
			            i == GRANT_REPORT_AT ? place_reports() : place_of(g->bind),
			            g->place ? g->place : g->bind, g->read_only);
	}
}

/* The image's programs, for the tools that start the next layer. */
static void add_tools(struct container *c)
{
	add_bind(c, "/usr", "/usr", true);
	if (access("/boot", F_OK) == 0)
		add_bind(c, "/boot", "/boot", true);
}

/* The axis `rootfs`: as it is, `weak` (weak.h), or `changed` by one byte. */
static int make_root(struct entry *e, uid_t owner, struct trouble *t)
{
	const enum word variant = layer_word(&e->layer, AXIS_ROOTFS);
	const char *root = e->container.root;

	int r = 0;

	/* Engines and containers before this one leave things in it, and those would be measured. */
	if (layer_has(&e->layer, GRANT_MEASURED))
		r = command_quiet((int)(e->end_ms - util_now_ms()), "rm", "-rf",
		                  "--one-file-system", root, NULL);
	if (r < 0)
		return trouble_set(t, r, "rootfs", "the last one is still there: %s", strerror(-r));
	r = rootfs_make(root, owner, e->container.nest, e->end_ms, t);
	if (r == 0 && variant == WORD_ROOTFS_WEAK)
		r = weak_make(root, owner, t);
	if (r == 0 && variant == WORD_ROOTFS_CHANGED)
		r = rootfs_change(root, t);
	return r;
}

/* What the agent inside is told to be. */
static const char *agent_word(const struct layer *l)
{
	const enum word how = layer_word(l, AXIS_AGENT);

	if (layer_word(l, AXIS_ROOTFS) == WORD_ROOTFS_WEAK)
		return "weak";
	return how == WORD_ABSENT ? "layer" : word_text(how);
}

int container_make(struct entry *e, const char *dir, uid_t owner, struct trouble *t)
{
	const char *variant = word_text(layer_word(&e->layer, AXIS_ROOTFS));
	struct container *c = &e->container;

	c->nest = e->visit->below > 0;
	c->privileged = e->layer.mode == MODE_PRIVILEGED || layer_has(&e->layer, GRANT_PRIVILEGED);
	c->word = agent_word(&e->layer);
	snprintf(c->root, sizeof(c->root), "%s%s%s%s", dir, c->nest ? "-nest" : "",
	         variant[0] ? "-" : "", variant);
	int r = make_root(e, owner, t);
	if (r == 0)
		r = change_nodes(e, t);
	if (r == 0 && layer_has(&e->layer, GRANT_BROKER))
		r = start_broker(e, t);
	if (r < 0)
		return r;
	if (c->nest)
		add_tools(c);
	add_grants(e);
	return add_delegated(e, t);
}

void container_undo(struct container *c)
{
	delegate_undo(c);
	while (c->changes > 0) {
		const char *node = c->changed[--c->changes].path;
		const struct stat *before = &c->changed[c->changes].before;
		if (chown(node, before->st_uid, before->st_gid) < 0 ||
		    chmod(node, before->st_mode & 07777) < 0)
			util_log("%s can't be put back: %s", node, strerror(errno));
	}
}

unsigned container_uid(const struct entry *e)
{
	return layer_number(&e->layer, AXIS_USER);
}

uid_t container_owner(const struct entry *e)
{
	return layer_word(&e->layer, AXIS_USERNS) == WORD_USERNS_SHIFTED ? SHIFTED_UID : 0;
}

bool container_drops_capabilities(const struct entry *e)
{
	return layer_word(&e->layer, AXIS_CAP) == WORD_CAP_NONE;
}

const char *container_capability(const struct entry *e)
{
	const enum word cap = layer_word(&e->layer, AXIS_CAP);

	return cap == WORD_ABSENT || cap == WORD_CAP_NONE ? NULL : word_text(cap);
}

void container_add_access(struct entry *e)
{
	const struct container *k = &e->container;

	if (k->privileged)
		command_add(&e->command, "--privileged");
	for (size_t i = 0; i < k->devices; i++)
		command_addf(&e->command, "--device=%s", k->device[i]);
	for (size_t i = 0; i < k->binds; i++)
		command_addf(&e->command, "--volume=%s:%s%s", k->bind[i].from, k->bind[i].to,
		             k->bind[i].read_only ? ":ro" : "");
}

void container_add_limits(struct entry *e)
{
	if (container_drops_capabilities(e))
		command_add(&e->command, "--cap-drop=all");
	if (container_capability(e))
		command_addf(&e->command, "--cap-add=%s", container_capability(e));
	if (layer_has(&e->layer, GRANT_NOAPPARMOR))
		command_add(&e->command, "--security-opt=apparmor=unconfined");
	if (layer_has(&e->layer, GRANT_NOSECCOMP))
		command_add(&e->command, "--security-opt=seccomp=unconfined");
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
