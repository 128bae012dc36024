/* SPDX-License-Identifier: Apache-2.0 */
/* systemd-nspawn, without the systemd that it would otherwise register with. */
#include <string.h>

#include "agent/container.h"
#include "agent/driver.h"

static int prepare(const struct layer *layer, const char *name, int64_t end_ms, struct command *ret,
                   struct trouble *t)
{
	struct container k;
	int r = container_make(layer, name, RUN_DIR "/nspawn-root", 0, end_ms, &k, t);

	if (r < 0)
		return r;
	command_measure(ret, "rootfs", k.root);
	command_add_all(ret, "systemd-nspawn", "--quiet", "--register=no", "--keep-unit",
	                "--console=pipe", "--private-network", "--resolv-conf=off",
	                "--timezone=off", "--link-journal=no", NULL);
	command_addf(ret, "--machine=%s", name);
	command_addf(ret, "--directory=%s", k.root);
	if (k.privileged)
		command_add(ret, "--capability=all");
	if (k.capability && strcmp(k.capability, "none") == 0)
		command_add(ret, "--drop-capability=all");
	else if (k.capability)
		command_addf(ret, "--capability=CAP_%s", k.capability);
	for (size_t i = 0; i < k.binds; i++)
		command_addf(ret, "--bind%s=%s:%s", k.bind[i].read_only ? "-ro" : "",
		             k.bind[i].from, k.bind[i].to);
	for (size_t i = 0; i < k.devices; i++)
		command_addf(ret, "--bind=%s", k.device[i]);
	command_add_all(ret, "/agent", k.word, NULL);
	return 0;
}

static const char *const modes[] = {"", NULL};

const struct driver driver_nspawn = {.kind = "nspawn",
                                     .modes = modes,
                                     .prepare = prepare,
                                     .clean = container_clean,
                                     .good_exit = -1};
