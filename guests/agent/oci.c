/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/oci.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/container.h"
#include "agent/util.h"

struct mounting {
	const char *to, *type, *source, *options[8];
};

/* As runc spec has them. */
static const struct mounting usual[] = {
        {"/proc", "proc", "proc", {NULL}},
        {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
        {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666"}},
        {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
        {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
};
static const struct mounting sys_plain = {
        "/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}};
/* A user namespace may not mount a new sysfs without a network namespace that it owns. */
static const struct mounting sys_rootless = {
        "/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}};

static json_t *text_list(const char *const *words, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count && words[i]; i++)
		json_array_append_new(list, json_string(words[i]));
	return list;
}

static void add_mount(json_t *list, const struct mounting *m)
{
	json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:o}", "destination", m->to, "type",
	                                      m->type, "source", m->source, "options",
	                                      text_list(m->options, COUNT_OF(m->options))));
}

static json_t *mounts(const struct container *c, bool rootless)
{
	json_t *list = json_array();

	for (size_t i = 0; i < COUNT_OF(usual); i++)
		add_mount(list, &usual[i]);
	add_mount(list, rootless ? &sys_rootless : &sys_plain);
	for (size_t i = 0; i < c->binds; i++) {
		const struct bind *b = &c->bind[i];
		struct mounting m = {b->to, "none", b->from, {"rbind", b->read_only ? "ro" : "rw"}};
		add_mount(list, &m);
	}
	/* A user namespace can't make nodes, and one that isn't there is the
	 * runtime's to refuse. */
	for (size_t i = 0; i < c->devices; i++) {
		struct stat st;
		if (!rootless && stat(c->device[i], &st) == 0)
			continue;
		struct mounting m = {c->device[i], "none", c->device[i], {"bind"}};
		add_mount(list, &m);
	}
	return list;
}

static json_t *devices(const struct container *c, json_t *rules)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->devices; i++) {
		struct stat st;
		if (stat(c->device[i], &st) < 0)
			continue;
		json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:I,s:i,s:i,s:i}", "path",
		                                      c->device[i], "type", "c", "major",
		                                      (json_int_t)major(st.st_rdev), "minor",
		                                      (json_int_t)minor(st.st_rdev), "fileMode",
		                                      (int)(st.st_mode & 0777), "uid",
		                                      (int)st.st_uid, "gid", (int)st.st_gid));
		json_array_append_new(rules,
		                      json_pack("{s:b,s:s,s:I,s:I,s:s}", "allow", 1, "type", "c",
		                                "major", (json_int_t)major(st.st_rdev), "minor",
		                                (json_int_t)minor(st.st_rdev), "access", "rwm"));
	}
	return list;
}

static json_t *capabilities(const struct entry *e)
{
	json_t *list = json_array(), *sets = json_object();
	static const char *const names[] = {"bounding", "effective", "permitted"};

	if (!container_drops_capabilities(e)) {
		json_array_append_new(list, json_string("CAP_AUDIT_WRITE"));
		json_array_append_new(list, json_string("CAP_KILL"));
		json_array_append_new(list, json_string("CAP_NET_BIND_SERVICE"));
		if (container_capability(e))
			json_array_append_new(list,
			                      json_sprintf("CAP_%s", container_capability(e)));
	}
	for (size_t i = 0; i < COUNT_OF(names); i++)
		json_object_set(sets, names[i], list);
	json_decref(list);
	return sets;
}

static json_t *process(const struct entry *e)
{
	const struct container *c = &e->container;
	const unsigned uid = container_uid(e);
	json_t *user = json_pack("{s:I,s:I}", "uid", (json_int_t)uid, "gid", (json_int_t)uid);

	if (c->group)
		json_object_set_new(user, "additionalGids", json_pack("[I]", (json_int_t)c->group));
	return json_pack("{s:b,s:o,s:[s,s],s:[s],s:s,s:o,s:b}", "terminal", 0, "user", user, "args",
	                 "/agent", c->word, "env",
	                 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "cwd",
	                 "/", "capabilities", capabilities(e), "noNewPrivileges", 1);
}

static void add_user_map(json_t *part, json_t *namespaces, uid_t owner, unsigned size)
{
	json_t *map = json_pack("[{s:i,s:I,s:i}]", "containerID", 0, "hostID", (json_int_t)owner,
	                        "size", (int)size);

	json_array_append_new(namespaces, json_pack("{s:s}", "type", "user"));
	json_object_set(part, "uidMappings", map);
	json_object_set_new(part, "gidMappings", map);
}

static json_t *linux_part(const struct entry *e, bool rootless, uid_t owner)
{
	static const char *const masked[] = {
	        "/proc/acpi",          "/proc/kcore",      "/proc/keys",
	        "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
	        "/proc/sched_debug",   "/sys/firmware",    "/proc/scsi"};
	static const char *const fixed[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
	                                    "/proc/sysrq-trigger"};
	static const char *const spaces[] = {"pid", "ipc", "uts", "mount", "cgroup", "network"};
	const struct container *c = &e->container;
	json_t *namespaces = json_array(), *part = json_object();

	for (size_t i = 0; i < COUNT_OF(spaces) - (rootless ? 1 : 0); i++)
		json_array_append_new(namespaces, json_pack("{s:s}", "type", spaces[i]));
	json_object_set_new(part, "maskedPaths", text_list(masked, COUNT_OF(masked)));
	json_object_set_new(part, "readonlyPaths", text_list(fixed, COUNT_OF(fixed)));
	if (rootless) {
		add_user_map(part, namespaces, owner, 1);
	} else {
		json_t *rules = json_pack("[{s:b,s:s}]", "allow", 0, "access", "rwm");
		json_object_set_new(part, "devices", devices(c, rules));
		json_object_set_new(part, "resources", json_pack("{s:o}", "devices", rules));
		if (layer_said(&e->layer, AXIS_USERNS))
			add_user_map(part, namespaces, owner, 65536);
	}
	json_object_set_new(part, "namespaces", namespaces);
	return part;
}

int oci_write_bundle(const struct entry *e, const char *dir, uid_t owner)
{
	const struct container *c = &e->container;
	const bool rootless = owner == ROOTLESS_UID;
	char path[160];
	_cleanup_(util_json_decrefp) json_t *config = json_pack(
	        "{s:s,s:{s:s,s:b},s:s,s:o,s:o,s:o}", "ociVersion", "1.0.2", "root", "path", c->root,
	        "readonly", 0, "hostname", "tception", "process", process(e), "mounts",
	        mounts(c, rootless), "linux", linux_part(e, rootless, owner));
	_cleanup_(util_freep) char *text = config ? json_dumps(config, JSON_INDENT(1)) : NULL;

	if (!text)
		return -ENOMEM;
	int r = util_mkdirs(dir, 0755);
	snprintf(path, sizeof(path), "%s/config.json", dir);
	if (r == 0)
		r = util_create_file(path, text, strlen(text), 0644);
	if (r == 0 && (chown(dir, owner, owner) < 0 || chown(path, owner, owner) < 0))
		r = -errno;
	return r;
}
