/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_DRIVER_H
#define AGENT_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/process.h"
#include "agent/visit.h"

/*
 * How a kind of layer is entered. A driver only says what to run: the child's stdin and stdout are
 * its frame channel, its stderr is its console. Starting, relaying, deadlines and killing are the
 * same for all (child.c).
 */
#define AGENT_VERSION "0.1"
#define RUN_DIR       "/run/tception"    /* tmpfs: the agent's own files in a VM */
#define MODULES_DIR   RUN_DIR "/modules" /* of the initramfs, for that of a nested VM */

struct driver {
	const char *kind;
	const char *const *modes; /* NULL-terminated; "" is the plain one */
	/*
	 * Makes ready what the layer needs (daemon, image) before `end_ms` and fills in the
	 * command. `name` is unique to this child: use it for containers.
	 */
	int (*prepare)(const struct layer *layer, const char *name, int64_t end_ms,
	               struct command *ret, struct trouble *t);
	/* What ends the layer when its deadline has passed, beside killing its
	 * processes; or NULL. */
	void (*stop)(const struct layer *layer, const char *name);
	/* Removes what prepare made for this child, or NULL. */
	void (*clean)(const struct layer *layer, const char *name);
	/* Exit statuses that mean success, beside 0: -1 for none. */
	int good_exit;
	/* It gets its VISIT only after its first byte: before, its channel would mangle it. */
	bool speaks_first;
};

extern const struct driver driver_bwrap, driver_crun, driver_docker, driver_lxc, driver_nspawn,
        driver_podman, driver_qemu, driver_runc, driver_runsc, driver_uml;

/* The driver of a layer, or NULL with `t` filled in: kind or mode are not known. */
const struct driver *driver_find(const struct layer *layer, struct trouble *t);

#endif
