/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "agent/entry.h"

/*
 * What all kinds of containers have in common: a root file system, and what the layer's grants and
 * the layers further in ask for. A driver puts it into its runtime's words.
 */

/*
 * Makes e->container, with its root file system in `dir` (or `dir`-nest, for one that enters a
 * further layer) owned by `owner`, changes the nodes that the grants want changed and starts the
 * broker. What was changed is undone by container_undo(), whether this succeeds or not.
 */
int container_make(struct entry *e, const char *dir, uid_t owner, struct trouble *t);
void container_undo(struct container *c);

/* The numeric user it is to run as; 0 for root and for keep-id. */
unsigned container_uid(const struct entry *e);
/* The user that root of what this layer's root starts is: `userns` may shift it. */
uid_t container_owner(const struct entry *e);
/* The capability that is to be added, without CAP_; NULL for none. */
const char *container_capability(const struct entry *e);
bool container_drops_capabilities(const struct entry *e);

/* Docker's and Podman's words for what a container gets, and for what it is held by. */
void container_add_access(struct entry *e);
void container_add_limits(struct entry *e);

/*
 * Makes room for an engine of our own inside a container: storage that an overlay can be stacked
 * on, and a cgroup hierarchy whose root has no processes. Does nothing in a VM's own root.
 */
void container_host_engine(const char *storage);

/* Makes the directory that a login as ROOTLESS_UID would make. */
int container_need_runtime_dir(struct trouble *t);
