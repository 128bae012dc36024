/* SPDX-License-Identifier: Apache-2.0 */
/* Containers without a runtime: the broker's manners, an OCI bundle's words, the
 * table of drivers. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/broker.h"
#include "agent/container.h"
#include "agent/driver.h"
#include "agent/oci.h"
#include "agent/util.h"
#include "test/golden.h"

/* ---- broker ---- */
static char dir[] = "/tmp/tception-broker-XXXXXX";
static char path[64];
static pid_t broker;

static void broker_setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	broker_patience_ms = 300;
	ck_assert_int_eq(broker_start(path, &broker), 0);
}

static void broker_teardown(void)
{
	broker_stop(path, broker);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(rmdir(dir), 0);
	memcpy(strrchr(dir, '-') + 1, "XXXXXX", 6);
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
START_TEST(broker_answers_64_bytes)
{
	json_t *report =
	        ask("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 64);

	ck_assert(json_is_false(json_object_get(report, "ok")));
	ck_assert_str_eq(json_string_value(json_object_get(report, "step")), "mkdir");
	ck_assert(json_is_string(json_object_get(report, "errname")));
	json_decref(report);
}
END_TEST

START_TEST(broker_drops_who_does_not_ask)
{
	json_t *report = ask("too little", 10);

	/* Told so, for a slow asker's cut request is no answer of any interface's. */
	ck_assert_str_eq(util_json_string(report, "step", ""), "request");
	ck_assert_str_eq(util_json_string(report, "errname", ""), "ETIMEDOUT");
	json_decref(report);
	report = ask("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 64);
	ck_assert_ptr_nonnull(report);
	json_decref(report);
}
END_TEST

START_TEST(broker_serves_a_bounded_number)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	for (int i = 0; i < BROKER_REQUESTS; i++) {
		json_t *r =
		        ask("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 64);
		ck_assert_ptr_nonnull(r);
		json_decref(r);
	}
	for (int i = 0; i < 3000; i++) { /* until it has ended */
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
		int r = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
		close(fd);
		if (r < 0)
			return;
		util_sleep_ms(20);
	}
	ck_abort_msg("the broker still serves");
}
END_TEST

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

START_TEST(broker_serves_a_line)
{
	static const char request[] =
	        "0123456789abcdef0123456789abcdef0123456789abcdef\r\n\x03\x04\x11\x13\x1a"
	        "\177"
	        "56789ab";
	char line[BROKER_LINE_MAX], answer[4096];
	struct trouble t = {0};

	broker_patience_ms = 3000;
	ck_assert_int_eq(broker_line_start(line, &t), 0);
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
	broker_line_stop();
	ck_assert_int_lt(open(line, O_RDWR | O_NOCTTY | O_CLOEXEC), 0);
	broker_line_stop();
}
END_TEST

/* ---- OCI bundle ---- */
static json_t *bundle(const struct container *c, uid_t owner)
{
	char where[] = "/tmp/tception-bundle-XXXXXX", config[64];

	ck_assert_ptr_nonnull(mkdtemp(where));
	ck_assert_int_eq(oci_write_bundle(c, where, owner), 0);
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

START_TEST(bundle_has_what_is_granted)
{
	struct container c = {.root = "/somewhere", .user = "1000", .word = "layer", .group = 990};
	const json_t *process, *part;

	c.bind[c.binds++] = (struct bind){"/sys/kernel/config", "/sys/kernel/config", true};
	c.device[c.devices++] = "/dev/null";
	c.device[c.devices++] = "/dev/not-there";
	json_t *config = bundle(&c, 0);
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
END_TEST

START_TEST(rootless_bundle_maps_its_owner)
{
	struct container c = {
	        .root = "/somewhere", .user = "root", .word = "layer", .capability = "none"};
	const json_t *part;

	if (getuid() != 0)
		return; /* can't give files away */
	c.device[c.devices++] = "/dev/null";
	json_t *config = bundle(&c, 1000);
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
END_TEST

/* ---- table ---- */
START_TEST(every_kind_has_a_driver)
{
	static const char *const known[][2] = {
	        {"docker", ""},
	        {"docker", "privileged"},
	        {"docker", "rootless"},
	        {"podman", "rootful"},
	        {"podman", "rootless"},
	        {"lxc", "privileged"},
	        {"lxc", "unprivileged"},
	        {"nspawn", ""},
	        {"bwrap", ""},
	        {"bwrap", "user"},
	        {"crun", ""},
	        {"crun", "rootless"},
	        {"runc", ""},
	        {"runc", "rootless"},
	        {"runsc", "systrap"},
	        {"runsc", "kvm"},
	        {"uml", ""},
	        {"qemu", "kvm"},
	        {"qemu", "tcg"},
	};
	struct trouble t;

	for (size_t i = 0; i < COUNT_OF(known); i++) {
		struct layer l = {.kind = known[i][0], .mode = known[i][1]};
		ck_assert_msg(driver_find(&l, &t) != NULL, "%s.%s", l.kind, l.mode);
	}
	ck_assert_ptr_null(driver_find(&(struct layer){.kind = "podman", .mode = ""}, &t));
	ck_assert_str_eq(t.reason, "podman has no mode ''");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("containers");
	TCase *b = tcase_create("broker"), *t = tcase_create("containers");

	tcase_set_timeout(b, 60);
	tcase_add_checked_fixture(b, broker_setup, broker_teardown);
	tcase_add_test(b, broker_answers_64_bytes);
	tcase_add_test(b, broker_drops_who_does_not_ask);
	tcase_add_test(b, broker_serves_a_bounded_number);
	tcase_add_test(b, broker_serves_a_line);
	suite_add_tcase(suite, b);
	tcase_add_test(t, bundle_has_what_is_granted);
	tcase_add_test(t, rootless_bundle_maps_its_owner);
	tcase_add_test(t, every_kind_has_a_driver);
	suite_add_tcase(suite, t);
	signal(SIGPIPE, SIG_IGN);
	return golden_run(suite);
}
