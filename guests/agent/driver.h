/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/daemon.h"
#include "agent/entry.h"
#include "agent/paths.h"

/*
 * How a kind of layer is entered. A driver only says what to run: the child's stdin and stdout are
 * its frame channel, its stderr is its console. Starting, relaying, deadlines, killing, and putting
 * back what its container and broker hold are the same for all (child.c).
 */

/* A folder of an engine's own: its size counts as what its layers hold, and containers have it. */
struct storage {
	const char *path;
	const char *tmpfs; /* its options as a tmpfs in a VM; NULL: it is well on the root */
};

struct driver {
	enum kind_id kind;
	/* Makes ready what the layer needs before entry->end_ms, and fills in entry->command. */
	int (*prepare)(struct entry *e, struct trouble *t);
	/* What ends the layer when its deadline has passed, beside killing its processes, or NULL. */
	void (*stop)(const struct entry *e);
	/* Removes what prepare made beside the entry's container and broker, or NULL. */
	void (*clean)(const struct entry *e);
	int good_exit; /* an exit status that means success beside 0; -1: none */
	/* It gets its VISIT only after its first byte: before, its channel would mangle it. */
	bool speaks_first;
	const struct daemon *daemons[4]; /* those of its mode are started in this order, first */
	struct storage storage[2];
	const char *sockets[4]; /* on which its engine may be known beside its daemons' own */
};

/* Puts a driver into the table, which the linker makes of this section. */
#define DRIVER(name)                                                                             \
	static const struct driver *const name##_row __attribute__((section("drivers"), used)) = \
	        &(name)

/* The table; `i` from 0, NULL past its end. */
const struct driver *driver_at(size_t i);
const struct driver *driver_find(const struct layer *layer);

/* All folders of driver_at()->storage, those of `path` NULL left out; NULL past the last. */
const struct storage *driver_storage(size_t i);
