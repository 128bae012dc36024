/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/td.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/device.h"
#include "agent/process.h"
#include "agent/util.h"
#include "format/task.h"
#include "format/text.h"

#define COMMAND_MS  600000 /* the host waits no longer anyway */
#define PORTS_MS    60000  /* for ports that come up late */
#define TROUBLE_MAX 16

static void complain(json_t *trouble, const char *what, int error)
{
	char text[200];

	if (error == 0)
		return;
	snprintf(text, sizeof(text), "%s: %s", what, strerror(error < 0 ? -error : error));
	util_log("%s", text);
	if (json_array_size(trouble) < TROUBLE_MAX)
		json_array_append_new(trouble, util_json_text(text, strlen(text)));
}

/* ---- files ---- */

static int make_folder_of(const char *path)
{
	_cleanup_(util_freep) char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (!slash || slash == folder)
		return folder ? 0 : -ENOMEM;
	*slash = 0;
	return util_mkdirs(folder, 0755);
}

static int write_file(const json_t *file)
{
	const char *path = util_json_string(file, "path", "");
	const char *text = util_json_string(file, "text", "");
	int r = *path == '/' ? make_folder_of(path) : -EINVAL;

	return r < 0 ? r : util_create_file(path, text, strlen(text), 0644);
}

static void write_files(const json_t *object, json_t *trouble)
{
	const json_t *files = json_object_get(object, "files"), *file;
	size_t i;

	json_array_foreach(files, i, file)
	        complain(trouble, util_json_string(file, "path", "a file"), write_file(file));
}

/* ---- network and modules ---- */

static void load_modules(void)
{
	command_quiet(COMMAND_MS, "modprobe", "--all", "--quiet", "virtio_net", "vsock_loopback",
	              "tun", NULL);
	chmod("/dev/net/tun", 0666); /* as udev's rules have it */
}

/* QEMU's user network, which is the same everywhere. */
static int network_up(void)
{
	static const char batch[] =
	        "address add 10.0.2.15/24 dev eth0\n"
	        "link set eth0 up\n"
	        "route add default via 10.0.2.2\n";
	static const char resolver[] = "nameserver 10.0.2.3\n";
	int r = util_create_file("/run/tception/network", batch, sizeof(batch) - 1, 0644);

	if (r == 0)
		r = command_quiet(COMMAND_MS, "ip", "-batch", "/run/tception/network", NULL);
	return r < 0 ? r
	             : util_create_file("/etc/resolv.conf", resolver, sizeof(resolver) - 1, 0644);
}

static void set_name(const char *name)
{
	char hosts[200];

	if (!*name || sethostname(name, strlen(name)) < 0)
		return;
	snprintf(hosts, sizeof(hosts), "127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost\n", name);
	util_create_file("/etc/hosts", hosts, strlen(hosts), 0644);
}

/* ---- services, each a process of its own ---- */

static int open_port(const char *name)
{
	int64_t end = util_now_ms() + PORTS_MS;
	char path[300];

	while (port_find(name, path, sizeof(path)) < 0 || access(path, R_OK) < 0) {
		if (util_now_ms() >= end)
			return -ENODEV;
		util_sleep_ms(10);
	}
	int fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int start_tasks(unsigned number)
{
	char name[40];

	snprintf(name, sizeof(name), TASK_PORT_NAME "%u", number);
	_cleanup_(util_closep) int port = open_port(name);
	if (port < 0)
		return port;
	pid_t pid = fork();
	if (pid == 0) {
		int r = td_serve_tasks(port);
		util_log("port of programs: %s", strerror(-r));
		_exit(1);
	}
	return pid < 0 ? -errno : 0;
}

static int start_quotes(unsigned vsock_port)
{
	_cleanup_(util_closep) int listener = td_quotes_listen(vsock_port);
	if (listener < 0)
		return listener;
	_cleanup_(util_closep) int port = open_port(TASK_QUOTES_NAME);
	if (port < 0)
		return port;
	pid_t pid = fork();
	if (pid == 0) {
		td_quotes_serve(listener, port);
		_exit(1);
	}
	return pid < 0 ? -errno : 0;
}

static int start_docker(void)
{
	_cleanup_(util_closep) int listener = td_docker_listen();
	if (listener < 0)
		return listener == -ENOENT ? 0 : listener; /* no Docker in this image */
	pid_t pid = fork();
	if (pid == 0) {
		td_docker_serve(listener);
		_exit(1);
	}
	return pid < 0 ? -errno : 0;
}

static int start_share(const json_t *share, unsigned number, bool in_root)
{
	const char *path = util_json_string(share, "path", "");
	char name[40];

	snprintf(name, sizeof(name), TASK_SHARE_NAME "%u", number);
	_cleanup_(util_closep) int port = *path == '/' ? open_port(name) : -EINVAL;
	if (port < 0)
		return port;
	int r = td_share_mount(path, json_is_true(json_object_get(share, "read_only")), port);
	return r == 0 && in_root ? td_root_bind(path) : r;
}

static void start_shares(const json_t *object, json_t *trouble)
{
	const json_t *shares = json_object_get(object, "shares"), *share;
	bool in_root = json_is_true(json_object_get(object, "root"));
	size_t i;

	json_array_foreach(shares, i, share)
	        complain(trouble, util_json_string(share, "path", "a shared folder"),
	                 i < TASK_SHARES ? start_share(share, (unsigned)i, in_root) : -E2BIG);
}

static int member(const json_t *object, const char *name)
{
	return (int)json_integer_value(json_object_get(object, name));
}

int td_begin(struct channel *c, const json_t *object)
{
	json_t *trouble = json_array();
	int tasks = member(object, "tasks");

	signal(SIGPIPE, SIG_IGN);
	set_name(util_json_string(object, "name", ""));
	write_files(object, trouble);
	complain(trouble, TD_WORK, util_mkdirs(TD_WORK, 0755));
	load_modules();
	if (json_is_true(json_object_get(object, "network")))
		complain(trouble, "network", network_up());
	if (json_is_true(json_object_get(object, "root")))
		complain(trouble, "root file system", td_root_up());
	start_shares(object, trouble);
	if (member(object, "quotes"))
		complain(trouble, "vsock", start_quotes((unsigned)member(object, "quotes")));
	if (json_is_true(json_object_get(object, "docker")))
		complain(trouble, "docker", start_docker());
	for (int i = 0; i < tasks && i < TASK_PORTS; i++)
		complain(trouble, "port of programs", start_tasks((unsigned)i));
	return channel_send(c, FRAME_SERVING, json_pack("{s:o}", "trouble", trouble));
}
