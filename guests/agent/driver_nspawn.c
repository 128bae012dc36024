/* SPDX-License-Identifier: Apache-2.0 */
/* systemd-nspawn, without the systemd that it would otherwise register with. */
#include "agent/container.h"
#include "agent/driver.h"

static int prepare(struct entry *e, struct trouble *t)
{
	const uid_t owner = container_owner(e);
	const struct container *k = &e->container;
	struct command *c = &e->command;
	int r = container_make(
	        e, owner ? RUN_DIR "/nspawn-shifted" : RUN_DIR "/nspawn-root", owner, t);

	if (r < 0)
		return r;
	command_measure(c, "rootfs", k->root);
	command_add_all(c, "systemd-nspawn", "--quiet", "--register=no", "--keep-unit",
	                "--console=pipe", "--private-network", "--resolv-conf=off",
	                "--timezone=off", "--link-journal=no", NULL);
	command_addf(c, "--machine=%s", e->name);
	command_addf(c, "--directory=%s", k->root);
	if (owner)
		command_addf(c, "--private-users=%u:65536", (unsigned)owner);
	else if (layer_said(&e->layer, AXIS_USERNS))
		command_add(c, "--private-users=identity");
	if (k->privileged)
		command_add(c, "--capability=all");
	if (container_drops_capabilities(e))
		command_add(c, "--drop-capability=all");
	if (container_capability(e))
		command_addf(c, "--capability=CAP_%s", container_capability(e));
	for (size_t i = 0; i < k->binds; i++)
		command_addf(c, "--bind%s=%s:%s", k->bind[i].read_only ? "-ro" : "",
		             k->bind[i].from, k->bind[i].to);
	for (size_t i = 0; i < k->devices; i++)
		command_addf(c, "--bind=%s", k->device[i]);
	command_add_all(c, "/agent", k->word, NULL);
	return 0;
}

static const struct driver nspawn = {.kind = KIND_NSPAWN, .prepare = prepare, .good_exit = -1};
DRIVER(nspawn);
