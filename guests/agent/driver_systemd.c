/* SPDX-License-Identifier: Apache-2.0 */
/* A service of systemd: this layer's own files, less what the unit takes away. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/container.h"
#include "agent/driver.h"
#include "agent/systemd.h"
#include "agent/util.h"

#define GROUP_NAME "tdx-guest"

#define SOCKET "/run/dbus/system_bus_socket"

static bool has_pid(char *pid, size_t size)
{
	_cleanup_(util_freep) char *text = util_read_line(SYSTEMD_PID);

	snprintf(pid, size, "%s", text ? text : "");
	return pid[0] != '\0';
}

/* It is on the bus a while after the bus is there. */
static bool answers(const char *path)
{
	char pid[16], there[64];

	if (!has_pid(pid, sizeof(pid)))
		return false;
	snprintf(there, sizeof(there), "/proc/%s/root%s", pid, path);
	if (access(there, F_OK) < 0)
		return false;
	return command_quiet(10000, "nsenter", "--mount", "--target", pid, "--", "busctl", "call",
	                     "org.freedesktop.DBus", "/org/freedesktop/DBus",
	                     "org.freedesktop.DBus", "GetNameOwner", "s",
	                     "org.freedesktop.systemd1", NULL) == 0;
}

static void command(struct command *c)
{
	command_add_all(c, AGENT_FILE, SYSTEMD_WORD, NULL);
}

static const struct daemon systemd_daemon = {
        .name = "systemd",
        .modes = 1u << MODE_PLAIN | 1u << MODE_USER | 1u << MODE_HARDENED,
        .socket = SOCKET,
        .log = RUN_DIR "/systemd.log",
        .answers = answers,
        .command = command,
};

/* What systemd-analyze's section `security` asks of a service that keeps its user. */
static const char *const hardened[] = {
        "CapabilityBoundingSet=",
        "LockPersonality=yes",
        "MemoryDenyWriteExecute=yes",
        "NoNewPrivileges=yes",
        "PrivateDevices=yes",
        "PrivateNetwork=yes",
        "PrivateTmp=yes",
        "ProtectClock=yes",
        "ProtectControlGroups=yes",
        "ProtectHome=yes",
        "ProtectHostname=yes",
        "ProtectKernelLogs=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelTunables=yes",
        "ProtectSystem=strict",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "SystemCallErrorNumber=EPERM",
};

static void add_property(struct command *c, const char *name, const char *value)
{
	command_addf(c, "--property=%s=%s", name, value);
}

static void add_bind(struct command *c, const struct bind *b)
{
	command_addf(c, "--property=Bind%sPaths=%s:%s", b->read_only ? "ReadOnly" : "", b->from,
	             b->to);
	if (!b->read_only)
		add_property(c, "ReadWritePaths", b->to);
}

static void add_grants(struct command *c, const struct container *k)
{
	for (size_t i = 0; i < k->binds; i++)
		add_bind(c, &k->bind[i]);
	for (size_t i = 0; i < k->devices; i++) {
		add_property(c, "BindPaths", k->device[i]);
		command_addf(c, "--property=DeviceAllow=%s rw", k->device[i]);
	}
	if (k->group)
		command_addf(c, "--property=SupplementaryGroups=%s", GROUP_NAME);
}

static void add_limits(struct entry *e)
{
	struct command *c = &e->command;

	for (size_t i = 0; e->layer.mode == MODE_HARDENED && i < COUNT_OF(hardened); i++)
		command_addf(c, "--property=%s", hardened[i]);
	if (e->layer.mode == MODE_USER)
		command_addf(c, "--property=User=%d", ROOTLESS_UID);
	if (container_drops_capabilities(e))
		add_property(c, "CapabilityBoundingSet", "");
	if (container_capability(e))
		command_addf(c, "--property=AmbientCapabilities=CAP_%s", container_capability(e));
	if (layer_said(&e->layer, AXIS_USERNS))
		add_property(c, "PrivateUsers", "yes"); /* root, and itself, as they are */
}

/* Within its mount namespace, where its socket is. */
static int add_client(struct command *c, const char *client, struct trouble *t)
{
	char pid[16];

	if (!has_pid(pid, sizeof(pid)))
		return trouble_set(t, -ENOENT, "systemd", SYSTEMD_PID " is not there");
	command_add_all(c, "nsenter", "--mount", "--target", pid, "--", client, NULL);
	return 0;
}

/* A unit's group has to have a name. */
static int name_group(const struct entry *e, struct trouble *t)
{
	struct command c = {0};

	command_add_all(&c, "groupadd", "--force", GROUP_NAME, "--gid", NULL);
	command_addf(&c, "%u", (unsigned)e->container.group);
	int r = command_run(&c, "group", e->end_ms, t);
	command_done(&c);
	return r;
}

static int prepare(struct entry *e, struct trouble *t)
{
	struct command *c = &e->command;
	int r = container_make(e, GRANT_DELEGATED_DIR "/service",
	                       e->layer.mode == MODE_USER ? ROOTLESS_UID : 0, t);

	if (r == 0 && e->container.group)
		r = name_group(e, t);
	if (r == 0)
		r = add_client(c, "systemd-run", t);
	if (r < 0)
		return r;
	command_add_all(c, "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec",
	                "--property=DefaultDependencies=no", NULL);
	command_addf(c, "--unit=%s", e->name);
	add_limits(e);
	add_grants(c, &e->container);
	command_addf(c, "%s/agent", e->container.root);
	command_add(c, e->container.word);
	return 0;
}

static void stop(const struct entry *e)
{
	struct command c = {0};

	if (add_client(&c, "systemctl", NULL) == 0) {
		command_add_all(&c, "kill", "--signal=KILL", e->name, NULL);
		command_run(&c, "", util_now_ms() + 10000, NULL);
	}
	command_done(&c);
}

static const struct driver systemd = {
        .kind = KIND_SYSTEMD,
        .prepare = prepare,
        .stop = stop,
        .good_exit = -1,
        .daemons = {&systemd_daemon},
};
DRIVER(systemd);
