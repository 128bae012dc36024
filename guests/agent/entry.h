/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "agent/broker.h"
#include "agent/process.h"
#include "agent/visit.h"

/* What a container is to have; container.h fills it in. */
#define CONTAINER_BINDS_MAX   16
#define CONTAINER_DEVICES_MAX 4
#define CONTAINER_CHANGES_MAX 4
#define CONTAINER_STAGES_MAX  2

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
	/* delegate.h's: what is bound for it, and its and another's report entry; "": none. */
	char staged[CONTAINER_STAGES_MAX][128];
	size_t stages;
	char delegated[128], neighbour[160];
};

/*
 * A layer on its way in: what it is to be, and all that was made or changed for it. child.c owns it
 * from before its driver is asked until what it holds was put back.
 */
struct entry {
	const struct visit_layer *visit;
	struct layer layer;
	char name[48];  /* unique to this child: containers are called so */
	int64_t end_ms; /* util_now_ms() at which it is ended */
	struct command command;
	struct container container;
	struct broker broker;
};
