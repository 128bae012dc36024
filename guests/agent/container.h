/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_CONTAINER_H
#define AGENT_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "agent/process.h"

struct entry;

/*
 * What all kinds of containers have in common: a root file system, and what the layer's grants and
 * the layers further in ask for. A driver puts it into its runtime's words.
 */
#define CONTAINER_BINDS_MAX   16
#define CONTAINER_DEVICES_MAX 4
#define CONTAINER_CHANGES_MAX 4

#define ROOTLESS_UID 1000   /* the image's unprivileged account */
#define SHIFTED_UID  100000 /* its first sub-ID; root of an unprivileged container */

struct bind {
	char from[128];
	const char *to; /* absolute, in the container */
	bool read_only;
};

struct container {
	char root[160];  /* directory of its root file system; the agent is /agent in there */
	bool nest;       /* a layer further in is to be started from there: it has tools, too */
	bool privileged; /* as a mode or as a grant */
	struct bind bind[CONTAINER_BINDS_MAX];
	size_t binds;
	const char *device[CONTAINER_DEVICES_MAX]; /* nodes of this layer that it gets */
	size_t devices;
	gid_t group;      /* a supplementary group, 0 for none */
	const char *word; /* what the agent inside is called with: "layer" */
	struct {          /* nodes of this layer as they were, to be put back */
		const char *path;
		struct stat before;
	} changed[CONTAINER_CHANGES_MAX];
	size_t changes;
};

/*
 * Makes e->container, with its root file system in `dir` (or `dir`-nest, for one that enters a
 * further layer) owned by `owner`, changes the nodes that the grants want changed and starts the
 * broker. What was changed is undone by container_undo(), whether this succeeds or not.
 */
int container_make(struct entry *e, const char *dir, uid_t owner, struct trouble *t);
void container_undo(struct container *c);

/* The numeric user it is to run as; 0 for root and for keep-id. */
unsigned container_uid(const struct entry *e);
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

#endif
