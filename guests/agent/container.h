/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_CONTAINER_H
#define AGENT_CONTAINER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent/process.h"
#include "agent/visit.h"

/*
 * What all kinds of containers have in common: a root file system, and what the layer's grants and
 * the layers further in ask for. A driver puts it into its runtime's words.
 */
#define CONTAINER_BINDS_MAX   16
#define CONTAINER_DEVICES_MAX 2

#define ROOTLESS_UID 1000             /* the image's unprivileged account */
#define SHIFTED_UID  100000           /* its first sub-ID; root of an unprivileged container */
#define TDX_GID      990              /* the group that +devgroup gives the TDX device to */
#define BROKER_PATH  "/broker.socket" /* in the container: see broker.h */

struct bind {
	char from[128];
	const char *to; /* absolute, in the container */
	bool read_only;
};

struct container {
	const struct layer *layer;
	const char *root; /* directory of its root file system; the agent is /agent in there */
	bool nest;        /* a layer further in is to be started from there: it has tools, too */
	bool privileged;  /* as a mode or as a grant */
	struct bind bind[CONTAINER_BINDS_MAX];
	size_t binds;
	const char *device[CONTAINER_DEVICES_MAX]; /* nodes of this layer that it gets */
	size_t devices;
	gid_t group;            /* a supplementary group, 0 for none */
	const char *user;       /* "root", "keep-id", or a number; see container_uid() */
	const char *capability; /* NULL: the runtime's own; "none"; or one to add, without CAP_ */
	const char *word;       /* what the agent inside is called with: "layer" */
};

/*
 * Makes the root file system `dir` (or `dir`-nest, for a container that enters a further layer)
 * owned by `owner`, changes the nodes that the grants want changed and starts the broker. Undone by
 * container_clean, which is to be called whether this succeeds or not. One container at a time.
 */
int container_make(const struct layer *layer, const char *name, const char *dir, uid_t owner,
                   int64_t end_ms, struct container *ret, struct trouble *t);
void container_clean(const struct layer *layer, const char *name);

/* The numeric user it is to run as; 0 for root and for keep-id. */
unsigned container_uid(const struct container *c);

/* Docker's and Podman's words for what a container gets, and for what it is held by. */
void container_add_access(struct command *c, const struct container *k);
void container_add_limits(struct command *c, const struct container *k);

/*
 * Makes room for an engine of our own inside a container: storage that an overlay can be stacked
 * on, and a cgroup hierarchy whose root has no processes. Does nothing in a VM's own root.
 */
void container_host_engine(const char *storage);

/* Makes the directory that a login as ROOTLESS_UID would make. */
int container_need_runtime_dir(struct trouble *t);

#endif
