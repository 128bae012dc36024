/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incus: its daemon is started on first use, without network. There is no image server: images are
 * imported from the agent's little tree. An instance has an init, which does nothing; the agent is
 * a program in it.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/container.h"
#include "agent/driver.h"
#include "agent/util.h"

#define STORAGE   "/var/lib/incus"
#define SOCKET    STORAGE "/unix.socket"
#define POOL      "tception"
#define METADATA  RUN_DIR "/metadata.yaml"
#define TAR       RUN_DIR "/incus.tar"
#define REMOVE_MS 20000

/* ---- its daemon ---- */
static bool answers(const char *path)
{
	return daemon_pings(path, "/internal/ready");
}

static int ready(int64_t end_ms, struct trouble *t)
{
	(void)end_ms;
	(void)t;
	container_host_engine(STORAGE);
	return 0;
}

static void command(struct command *c)
{
	command_add_all(c, "/usr/libexec/incus/incusd", "--group=root", NULL);
}

static const struct daemon incusd = {.name = "incusd",
                                     .modes = 1u << MODE_PLAIN | 1u << MODE_PRIVILEGED,
                                     .socket = SOCKET,
                                     .log = RUN_DIR "/incusd.log",
                                     .answers = answers,
                                     .ready = ready,
                                     .command = command};

/* ---- an image ---- */
/* Folders, on whatever this layer's root is. */
static int need_pool(const struct entry *e, struct trouble *t)
{
	struct command c = {0};
	int r = 0;

	command_add_all(&c, "incus", "storage", "create", POOL, "dir", NULL);
	if (command_quiet((int)(e->end_ms - util_now_ms()), "incus", "storage", "show", POOL, NULL))
		r = command_run(&c, "incus storage", e->end_ms, t);
	command_done(&c);
	return r;
}

static const char *image_name(const struct entry *e)
{
	return e->container.nest ? "tception-agent-nest" : "tception-agent";
}

static int make_tar(const struct entry *e, struct trouble *t)
{
	static const char metadata[] = "architecture: x86_64\ncreation_date: 1\n";
	struct command tar = {0};
	int r = util_create_file(METADATA, metadata, sizeof(metadata) - 1, 0644);

	if (r < 0)
		return trouble_set(t, r, "metadata", METADATA ": %s", strerror(-r));
	command_add_all(&tar, "tar", "-C", RUN_DIR, "-cf", TAR,
	                "--transform=s,^incus-[^/]*,rootfs,", "metadata.yaml",
	                strrchr(e->container.root, '/') + 1, NULL);
	r = command_run(&tar, "tar", e->end_ms, t);
	command_done(&tar);
	return r;
}

static int need_image(const struct entry *e, struct trouble *t)
{
	static bool given[2]; /* the daemon has the pool, and the one or the other image */
	struct command import = {0};
	int r = given[0] || given[1] ? 0 : need_pool(e, t);

	if (r < 0 || given[e->container.nest])
		return r;
	command_add_all(&import, "incus", "image", "import", TAR, "--reuse", "--alias",
	                image_name(e), NULL);
	r = make_tar(e, t);
	if (r == 0)
		r = command_run(&import, "incus image import", e->end_ms, t);
	command_done(&import);
	unlink(TAR);
	given[e->container.nest] = r == 0;
	return r;
}

/* ---- an instance ---- */
/* It makes a node of its own, whatever this layer's is: who may open it is said here. */
static json_t *node(const struct entry *e, const char *path)
{
	json_t *o = json_pack("{s:s,s:s,s:s}", "type", "unix-char", "source", path, "path", path);

	if (layer_has(&e->layer, GRANT_DEVMODE))
		json_object_set_new(o, "mode", json_string("0666"));
	if (e->container.group)
		json_object_set_new(o, "gid", json_sprintf("%u", (unsigned)e->container.group));
	return o;
}

static json_t *disk(const struct bind *b)
{
	struct stat st;
	json_t *o = json_pack("{s:s,s:s,s:s}", "type", "disk", "source", b->from, "path", b->to);

	if (b->read_only)
		json_object_set_new(o, "readonly", json_string("true"));
	else if (stat(b->from, &st) == 0 && S_ISDIR(st.st_mode))
		json_object_set_new(o, "recursive", json_string("true"));
	return o;
}

static json_t *devices(const struct entry *e)
{
	const struct container *k = &e->container;
	json_t *all =
	        json_pack("{s:{s:s,s:s,s:s}}", "root", "type", "disk", "path", "/", "pool", POOL);
	char name[32];

	for (size_t i = 0; i < k->devices; i++) {
		snprintf(name, sizeof(name), "node%zu", i);
		json_object_set_new(all, name, node(e, k->device[i]));
	}
	for (size_t i = 0; i < k->binds; i++) {
		snprintf(name, sizeof(name), "disk%zu", i);
		json_object_set_new(all, name, disk(&k->bind[i]));
	}
	return all;
}

static json_t *config(const struct entry *e)
{
	json_t *o = json_pack(
	        "{s:s+}", "raw.lxc", "lxc.init.cmd=/agent hang",
	        layer_has(&e->layer, GRANT_NOAPPARMOR) ? "\nlxc.apparmor.profile=unconfined" : "");

	if (e->container.privileged)
		json_object_set_new(o, "security.privileged", json_string("true"));
	else if (!container_owner(e)) /* root alone, for it has no other IDs of this layer's */
		json_object_set_new(o, "raw.idmap", json_string("both 0 0"));
	if (e->container.nest)
		json_object_set_new(o, "security.nesting", json_string("true"));
	if (layer_has(&e->layer, GRANT_NOSECCOMP))
		json_object_set_new(o, "security.syscalls.deny_default", json_string("false"));
	return o;
}

/* A shell makes the instance and becomes the client that starts the agent there. */
static void add_launch(struct entry *e)
{
	static const char script[] =
	        "printf %s \"$1\" | incus launch --quiet --no-profiles "
	        "\"$2\" \"$3\" >&2 && shift 3 && exec \"$@\"";
	json_t *o = json_pack("{s:o,s:o}", "config", config(e), "devices", devices(e));
	char *yaml = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);

	command_add_all(&e->command, "sh", "-c", script, "incus", yaml ? yaml : "", image_name(e),
	                e->name, NULL);
	free(yaml);
	json_decref(o);
}

/* It knows one group for a program, and no others. */
static void add_user(struct entry *e)
{
	const unsigned uid = container_uid(e), group = e->container.group;

	if (!uid && !group)
		return;
	command_addf(&e->command, "--user=%u", uid);
	command_addf(&e->command, "--group=%u", group ? group : uid);
}

static int prepare(struct entry *e, struct trouble *t)
{
	struct command *c = &e->command;
	/* Its files are root's: the daemon shifts them itself. */
	int r = container_make(e, RUN_DIR "/incus-root", 0, t);

	if (r == 0)
		r = need_image(e, t);
	if (r < 0)
		return r;
	add_launch(e);
	command_add_all(c, "incus", "exec", e->name, "--force-noninteractive", NULL);
	add_user(e);
	command_add_all(c, "--", "/agent", e->container.word, NULL);
	command_measure(c, "rootfs", e->container.root);
	return 0;
}

static void clean(const struct entry *e)
{
	command_quiet(REMOVE_MS, "incus", "delete", "--force", e->name, NULL);
}

static const struct driver incus = {
        .kind = KIND_INCUS,
        .prepare = prepare,
        .stop = clean,
        .clean = clean,
        .good_exit = -1,
        .daemons = {&incusd},
        .storage = {{STORAGE, NULL}},
};
DRIVER(incus);
