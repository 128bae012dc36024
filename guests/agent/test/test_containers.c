/* SPDX-License-Identifier: Apache-2.0 */
/* Containers without a runtime: the broker's manners, an OCI bundle's words, the
 * table of drivers. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/broker.h"
#include "agent/container.h"
#include "agent/driver.h"
#include "agent/mounted.h"
#include "agent/oci.h"
#include "agent/place.h"
#include "agent/rootfs.h"
#include "agent/util.h"
#include "test/scratch.h"
#include "test/tests.h"

/* ---- broker ---- */
static char path[64];
static struct broker broker;

static void start(void)
{
	snprintf(path, sizeof(path), "%s/socket", scratch);
	broker_patience_ms = 300;
	ck_assert_int_eq(broker_start(path, &broker), 0);
}

static void stop(void)
{
	broker_stop(&broker);
	ck_assert_int_eq(access(path, F_OK), -1);
}

static int connected(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = 300};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

/* What comes back for these bytes until the broker closes; NULL when nothing does. */
static json_t *ask(const char *request, size_t size)
{
	char answer[4096];
	size_t used = 0;
	ssize_t n;
	int fd = connected();

	ck_assert_int_eq(send(fd, request, size, MSG_NOSIGNAL), (ssize_t)size);
	while ((n = recv(fd, answer + used, sizeof(answer) - used, 0)) > 0)
		used += (size_t)n;
	close(fd);
	return used ? json_loadb(answer, used, 0, NULL) : NULL;
}

/* This machine has no configfs-tsm (or we are no root), so the answer tells where that ends. */
TEST(broker_answers_64_bytes)
{
	json_t *report;

	start();
	report = ask("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 64);
	ck_assert(json_is_false(json_object_get(report, "ok")));
	ck_assert_str_eq(json_string_value(json_object_get(report, "step")), "mkdir");
	ck_assert(json_is_string(json_object_get(report, "errname")));
	json_decref(report);
	stop();
}

TEST(broker_drops_who_does_not_ask)
{
	json_t *report;

	start();
	report = ask("too little", 10);
	/* Told so, for a slow asker's cut request is no answer of any interface's. */
	ck_assert_str_eq(util_json_string(report, "step", ""), "request");
	ck_assert_str_eq(util_json_string(report, "errname", ""), "ETIMEDOUT");
	json_decref(report);
	report = ask("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 64);
	ck_assert_ptr_nonnull(report);
	json_decref(report);
	stop();
}

TEST(broker_serves_a_bounded_number)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int r = 0;

	start();
	for (int i = 0; i < BROKER_REQUESTS; i++) {
		json_t *report =
		        ask("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 64);
		ck_assert_ptr_nonnull(report);
		json_decref(report);
	}
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	for (int i = 0; r == 0 && i < 3000; i++) { /* until it has ended */
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		r = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
		close(fd);
		util_sleep_ms(20);
	}
	ck_assert_msg(r < 0, "the broker still serves");
	stop();
}

/* What a VM gets: no connection to end, so an answer is a line, and the next one follows. */
static char *ask_line(int fd, const char *request, size_t size, char *answer, size_t room)
{
	size_t used = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};

	ck_assert_int_eq(write(fd, request, size), (ssize_t)size);
	while (used + 1 < room && poll(&p, 1, 300000) > 0 && read(fd, answer + used, 1) == 1 &&
	       answer[used] != '\n')
		used++;
	answer[used] = 0;
	return used ? answer : NULL;
}

TEST(broker_serves_a_line)
{
	static const char request[] =
	        "0123456789abcdef0123456789abcdef0123456789abcdef\r\n\x03\x04\x11\x13\x1a"
	        "\177"
	        "56789ab";
	char answer[4096], line[108];
	struct trouble t = {0};
	struct broker b = {0};

	broker_patience_ms = 3000;
	ck_assert_int_eq(broker_line_start(&b, &t), 0);
	memcpy(line, b.path, sizeof(line));
	int fd = open(line, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	for (int i = 0; i < 2; i++) { /* all 64 bytes arrive, whatever they are */
		ck_assert_ptr_nonnull(ask_line(fd, request, 64, answer, sizeof(answer)));
		json_t *report = json_loads(answer, 0, NULL);
		ck_assert(json_is_false(json_object_get(report, "ok")));
		json_decref(report);
	}
	ck_assert_ptr_nonnull(ask_line(fd, "too little", 10, answer, sizeof(answer)));
	ck_assert_ptr_nonnull(strstr(answer, "ETIMEDOUT"));
	ck_assert_ptr_nonnull(ask_line(fd, request, 64, answer, sizeof(answer)));
	close(fd);
	broker_stop(&b);
	ck_assert_int_lt(open(line, O_RDWR | O_NOCTTY | O_CLOEXEC), 0);
	broker_stop(&b); /* does nothing more */
}

/* ---- OCI bundle ---- */
static json_t *bundle(const struct entry *e, uid_t owner)
{
	char where[] = "/tmp/tception-bundle-XXXXXX", config[64];

	ck_assert_ptr_nonnull(mkdtemp(where));
	ck_assert_int_eq(oci_write_bundle(e, where, owner), 0);
	snprintf(config, sizeof(config), "%s/config.json", where);
	json_t *object = json_load_file(config, 0, NULL);
	ck_assert_ptr_nonnull(object);
	unlink(config);
	rmdir(where);
	return object;
}

static const json_t *mount_at(const json_t *config, const char *to)
{
	const json_t *list = json_object_get(config, "mounts"), *m;
	size_t i;

	json_array_foreach((json_t *)list, i, m)
	{
		if (strcmp(json_string_value(json_object_get(m, "destination")), to) == 0)
			return m;
	}
	return NULL;
}

TEST(bundle_has_what_is_granted)
{
	struct entry e = {.layer = {.kind = &kind_rows[KIND_CRUN],
	                            .axes = 1,
	                            .axis = {{AXIS_USER, WORD_NUMBER, 1000}}},
	                  .container = {.root = "/somewhere", .word = "layer", .group = 300}};
	struct container *c = &e.container;
	const json_t *process, *part;

	c->bind[c->binds++] = (struct bind){"/sys/kernel/config", "/sys/kernel/config", true};
	c->device[c->devices++] = "/dev/null";
	c->device[c->devices++] = "/dev/not-there";
	json_t *config = bundle(&e, 0);
	process = json_object_get(config, "process");
	part = json_object_get(config, "linux");
	ck_assert_int_eq(
	        json_integer_value(json_object_get(json_object_get(process, "user"), "uid")), 1000);
	ck_assert_uint_eq(json_array_size(json_object_get(part, "devices")), 1);
	/* One that is not there is left to the runtime, which refuses it in its own words. */
	ck_assert_ptr_nonnull(mount_at(config, "/dev/not-there"));
	ck_assert_ptr_null(mount_at(config, "/dev/null"));
	ck_assert_str_eq(
	        json_string_value(json_array_get(
	                json_object_get(mount_at(config, "/sys/kernel/config"), "options"), 1)),
	        "ro");
	ck_assert_ptr_null(json_object_get(part, "uidMappings"));
	json_decref(config);
}

TEST(rootless_bundle_maps_its_owner)
{
	struct entry e = {.layer = {.kind = &kind_rows[KIND_CRUN],
	                            .axes = 1,
	                            .axis = {{.axis = AXIS_CAP, .word = WORD_CAP_NONE}}},
	                  .container = {.root = "/somewhere", .word = "layer"}};
	const json_t *part;

	if (getuid() != 0)
		return; /* can't give files away */
	e.container.device[e.container.devices++] = "/dev/null";
	json_t *config = bundle(&e, 1000);
	part = json_object_get(config, "linux");
	ck_assert_int_eq(
	        json_integer_value(json_object_get(
	                json_array_get(json_object_get(part, "uidMappings"), 0), "hostID")),
	        1000);
	ck_assert_ptr_nonnull(mount_at(config, "/dev/null")); /* it can't be made there */
	ck_assert_uint_eq(
	        json_array_size(json_object_get(
	                json_object_get(json_object_get(config, "process"), "capabilities"),
	                "bounding")),
	        0);
	json_decref(config);
}

TEST(bundle_has_the_user_namespace_asked_for)
{
	static const struct {
		enum word word;
		uid_t owner;
	} table[] = {{WORD_USERNS_IDENTITY, 0}, {WORD_USERNS_SHIFTED, SHIFTED_UID}};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct entry e = {.layer = {.kind = &kind_rows[KIND_RUNC],
		                            .axes = 1,
		                            .axis = {{AXIS_USERNS, table[i].word, 0}}},
		                  .container = {.root = "/somewhere", .word = "layer"}};

		ck_assert_uint_eq(container_owner(&e), table[i].owner);
		if (getuid() != 0)
			continue; /* can't give files away */
		json_t *config = bundle(&e, container_owner(&e));
		const json_t *map = json_array_get(
		        json_object_get(json_object_get(config, "linux"), "uidMappings"), 0);
		ck_assert_int_eq(json_integer_value(json_object_get(map, "hostID")),
		                 table[i].owner);
		ck_assert_int_eq(json_integer_value(json_object_get(map, "size")), 65536);
		json_decref(config);
	}
}

/* ---- grants ---- */
/* The child's words, as they come from the harness; its container is made below `scratch`. */
static void make(struct entry *e, const char *words)
{
	char *text = NULL;
	json_t *object;
	struct trouble t = {0};

	ck_assert_int_gt(
	        asprintf(&text, "{\"kind\":\"crun\",\"mode\":\"\",\"grants\":[%s]}", words), 0);
	object = json_loads(text, 0, NULL);
	const struct visit_layer visit = {.object = object};
	*e = (struct entry){
	        .visit = &visit, .name = "tception-test", .end_ms = util_now_ms() + 60000};
	ck_assert_msg(visit_read_layer(&visit, &e->layer, &t) == 0, "%s", t.reason);
	snprintf(path, sizeof(path), "%s/root", scratch);
	ck_assert_msg(container_make(e, path, getuid(), &t) == 0, "%s", t.reason);
	e->visit = NULL;
	json_decref(object);
	free(text);
}

static void unmake(struct entry *e)
{
	container_undo(&e->container);
	broker_stop(&e->broker);
}

/* A folder before those in it, which it would hide, whatever the order of the words; each once. */
TEST(grants_become_binds)
{
	struct entry e;

	make(&e, "\"tsm\",\"rtmr\",\"dev\",\"sysrw\",\"tsm-ro\"");
	ck_assert_uint_eq(e.container.devices, 1);
	ck_assert_str_eq(e.container.device[0], "/dev/tdx_guest");
	ck_assert_uint_eq(e.container.binds, 3);
	ck_assert_str_eq(e.container.bind[0].to, "/sys");
	ck_assert_str_eq(e.container.bind[1].to, "/sys/kernel/config");
	ck_assert(!e.container.bind[1].read_only);
	ck_assert_str_eq(e.container.bind[2].to, "/sys/devices/virtual/misc/tdx_guest");
	unmake(&e);
	make(&e, "\"tsm-ro\"");
	ck_assert_uint_eq(e.container.binds, 1);
	ck_assert(e.container.bind[0].read_only);
	unmake(&e);
}

static bool is_there(const char *root, const char *name)
{
	char file[256];

	snprintf(file, sizeof(file), "%s%s", root, name);
	return access(file, F_OK) == 0;
}

/* What is mounted for a program is at its place and gone afterwards, with the place itself. */
TEST(mounts_are_undone)
{
	struct entry e = {0};
	struct container *c = &e.container;
	struct trouble t = {0};
	char file[256];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return; /* no root */
	snprintf(c->root, sizeof(c->root), "%s/root", scratch);
	ck_assert_int_eq(rootfs_make(c->root, 0, false, util_now_ms() + 60000, &t), 0);
	c->bind[c->binds++] = (struct bind){"/etc", "/entry", true};
	c->device[c->devices++] = "/dev/kmsg";
	ck_assert_msg(mounted_make(&e, c->root, &t) == 0, "%s", t.reason);
	ck_assert(is_there(c->root, "/entry/passwd") && is_there(c->root, "/proc/self"));
	ck_assert(is_there(c->root, "/dev/null") && is_there(c->root, "/dev/kmsg"));
	snprintf(file, sizeof(file), "%s/entry/written", c->root);
	ck_assert_int_eq(util_create_file(file, "", 0, 0644), -EROFS);
	mounted_undo(&e, c->root);
	ck_assert(!is_there(c->root, "/entry") && !is_there(c->root, "/dev/kmsg"));
	ck_assert(!is_there(c->root, "/proc/self") && is_there(c->root, "/proc"));

	c->device[c->devices++] = "/dev/not-there";
	ck_assert_int_eq(mounted_make(&e, c->root, &t), -ENOENT);
	ck_assert_str_eq(t.reason, "/dev/not-there: No such file or directory");
	mounted_undo(&e, c->root);
	ck_assert(!is_there(c->root, "/proc/self"));
}

/* Where mounts are shared, as layer 0's are, what is bound with other mounts in it leaves those alone. */
TEST(mounts_below_stay)
{
	struct entry e = {0};
	struct container *c = &e.container;
	struct trouble t = {0};
	char outer[sizeof(c->bind[0].from)], file[256];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		return; /* no root */
	snprintf(c->root, sizeof(c->root), "%s/root", scratch);
	snprintf(outer, sizeof(outer), "%s/outer", scratch);
	snprintf(file, sizeof(file), "%s/inner", outer);
	ck_assert_int_eq(rootfs_make(c->root, 0, false, util_now_ms() + 60000, &t), 0);
	ck_assert_int_eq(util_mkdirs(outer, 0755), 0);
	ck_assert_int_eq(mount("outer", outer, "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(util_mkdirs(file, 0755), 0);
	ck_assert_int_eq(mount("inner", file, "tmpfs", 0, NULL), 0);
	snprintf(file, sizeof(file), "%s/inner/file", outer);
	ck_assert_int_eq(util_create_file(file, "", 0, 0644), 0);

	c->bind[c->binds] = (struct bind){.to = "/bound"};
	memcpy(c->bind[c->binds++].from, outer, sizeof(outer));
	ck_assert_msg(mounted_make(&e, c->root, &t) == 0, "%s", t.reason);
	ck_assert(is_there(c->root, "/bound/inner/file"));
	mounted_undo(&e, c->root);
	ck_assert(!is_there(c->root, "/bound") && is_there(outer, "/inner/file"));
	ck_assert_int_eq(umount2(outer, MNT_DETACH), 0);
}

static void be_granted(const char *grants)
{
	char text[120];

	snprintf(text, sizeof(text), "{\"kind\":\"crun\",\"mode\":\"\",\"grants\":[%s]}", grants);
	json_t *object = json_loads(text, 0, NULL);
	place_set(&(struct visit_layer){.object = object});
	json_decref(object);
}

/* What is bound elsewhere is looked for there, and handed on from there to a layer further in. */
TEST(places_are_those_granted)
{
	struct entry e;

	ck_assert_str_eq(place_reports(), "/sys/kernel/config/tsm/report");
	be_granted("\"tsm-at\",\"entry\"");
	ck_assert_str_eq(place_reports(), "/configfs/tsm/report");
	ck_assert_str_eq(place_entry(), "/entry");
	ck_assert_ptr_null(place_rtmr3());
	make(&e, "\"report-at\",\"tsm\",\"rtmr-at\"");
	ck_assert_uint_eq(e.container.binds, 3);
	ck_assert_str_eq(e.container.bind[0].from, "/configfs/tsm/report");
	ck_assert_str_eq(e.container.bind[0].to, "/report");
	ck_assert_str_eq(e.container.bind[1].from, "/configfs");
	ck_assert_str_eq(e.container.bind[1].to, "/sys/kernel/config");
	ck_assert_str_eq(e.container.bind[2].to, "/tdx_guest");
	unmake(&e);
	be_granted("\"report-at\",\"rtmr-entry\"");
	ck_assert_str_eq(place_reports(), "/report");
	ck_assert_str_eq(place_rtmr3(), "/rtmr3");
	ck_assert_str_eq(place_of("/sys/kernel/config"), "/sys/kernel/config");
	be_granted("");
	ck_assert_ptr_null(place_entry());
}

/* ---- table ---- */
TEST_RANGE(every_kind_has_a_driver, 0, KIND_COUNT)
{
	const struct driver *d = driver_find(&(struct layer){.kind = &kind_rows[_i]});

	ck_assert_msg((d != NULL) == !kind_rows[_i].outermost, "%s", kind_rows[_i].name);
	for (size_t i = 0; d && i < COUNT_OF(d->daemons) && d->daemons[i]; i++) {
		ck_assert(d->daemons[i]->modes & kind_rows[_i].modes);
		ck_assert(d->daemons[i]->answers && d->daemons[i]->command);
	}
}

/* Every folder is one that a VM mounts and that a container which enters others has. */
TEST(storage_is_in_the_table)
{
	bool docker = false, home = false;
	const struct storage *s;

	for (size_t i = 0; (s = driver_storage(i)) != NULL; i++) {
		ck_assert_int_eq(s->path[0], '/');
		docker |= strcmp(s->path, "/var/lib/docker") == 0 && s->tmpfs;
		home |= strcmp(s->path, ROOTLESS_HOME) == 0 && s->tmpfs;
	}
	ck_assert(docker && home);
}

/* What a newer harness may ask for: it is refused by name, not left out. */
static const struct {
	const char *layer, *reason;
} unknown[] = {
        {"'kind':'warp','mode':''", "no driver for 'warp'"},
        {"'kind':'td','mode':''", "no driver for 'td'"},
        {"'kind':'podman','mode':''", "podman has no mode ''"},
        {"'kind':'podman','mode':'warped'", "podman has no mode 'warped'"},
        {"'kind':'crun','mode':'','grants':['dev','warp']", "crun has no grant 'warp'"},
        {"'kind':'uml','mode':'','grants':['dev']", "uml has no grant 'dev'"},
        {"'kind':'crun','mode':'','axes':{'speed':'9'}", "crun has no axis 'speed'"},
        {"'kind':'uml','mode':'','axes':{'mem':'x'}", "no such mem: 'x'"},
        {"'kind':'uml','mode':'','axes':{'mem':7}", "no such mem: ''"},
};

TEST_EACH(unknown_words_are_refused, unknown)
{
	char text[200];
	struct trouble t = {0};
	struct layer l = {.axes = 77};

	snprintf(text, sizeof(text), "{%s}", unknown[_i].layer);
	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	json_t *object = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(object);
	ck_assert_int_eq(visit_read_layer(&(struct visit_layer){.object = object}, &l, &t),
	                 -EINVAL);
	ck_assert_str_eq(t.reason, unknown[_i].reason);
	ck_assert_uint_eq(l.axes, 77);
	json_decref(object);
}

TESTS("containers", .timeout = 60, .setup = scratch_make, .teardown = scratch_remove,
      .no_sigpipe = true)
