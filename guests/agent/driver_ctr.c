/* SPDX-License-Identifier: Apache-2.0 */
/* containerd by its own client: the daemon that Docker has too, without an engine's defaults. */
#include "agent/container.h"
#include "agent/containerd.h"
#include "agent/driver.h"
#include "agent/util.h"

static void add_ctr(struct command *c)
{
	command_add_all(c, "ctr", "--address", CONTAINERD_SOCKET, "--namespace", "tception", NULL);
}

/* Its default is no profile and no filter. It has one group for a process, and no others. */
static void add_options(struct entry *e)
{
	const struct container *k = &e->container;
	struct command *c = &e->command;

	if (k->privileged)
		command_add(c, "--privileged");
	for (size_t i = 0; i < k->devices; i++)
		command_addf(c, "--device=%s", k->device[i]);
	for (size_t i = 0; i < k->binds; i++)
		command_addf(c, "--mount=type=bind,src=%s,dst=%s,options=rbind:%s", k->bind[i].from,
		             k->bind[i].to, k->bind[i].read_only ? "ro" : "rw");
	if (container_uid(e) || k->group)
		command_addf(c, "--user=%u:%u", container_uid(e),
		             k->group ? (unsigned)k->group : container_uid(e));
	if (layer_said(&e->layer, AXIS_USERNS)) {
		command_addf(c, "--uidmap=0:%u:65536", (unsigned)container_owner(e));
		command_addf(c, "--gidmap=0:%u:65536", (unsigned)container_owner(e));
	}
}

static int prepare(struct entry *e, struct trouble *t)
{
	struct command *c = &e->command;
	const uid_t owner = container_owner(e);
	int r = container_make(e, owner ? RUN_DIR "/ctr-shifted" : RUN_DIR "/ctr-root", owner, t);

	if (r < 0)
		return r;
	add_ctr(c);
	command_add_all(c, "run", "--rm", "--rootfs", NULL);
	add_options(e);
	command_add_all(c, e->container.root, e->name, "/agent", e->container.word, NULL);
	command_measure(c, "rootfs", e->container.root);
	return 0;
}

static void stop(const struct entry *e)
{
	struct command kill = {0}, remove = {0};

	add_ctr(&kill);
	command_add_all(&kill, "task", "delete", "--force", e->name, NULL);
	command_run(&kill, "", util_now_ms() + 10000, NULL);
	command_done(&kill);
	add_ctr(&remove);
	command_add_all(&remove, "container", "delete", e->name, NULL);
	command_run(&remove, "", util_now_ms() + 10000, NULL);
	command_done(&remove);
}

static const struct driver ctr = {
        .kind = KIND_CTR,
        .prepare = prepare,
        .stop = stop,
        .good_exit = -1,
        .daemons = {&containerd_daemon},
};
DRIVER(ctr);
