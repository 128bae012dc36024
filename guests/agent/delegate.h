/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "agent/entry.h"

/*
 * What the layer below makes its own and gives to a layer's user: a report entry of configfs-tsm,
 * RTMR3's file. Both are bound to a path of ours first, from which engines take them: the kernel's
 * own has a colon, and daemons in namespaces of their own don't see it.
 */

/*
 * Gives `path` of this layer to `uid` and `gid` (-1: left alone) with `mode` (0: left alone), until
 * container_undo(). One that is not there is left out.
 */
int delegate_change(struct container *c, const char *path, uid_t uid, gid_t gid, mode_t mode,
                    struct trouble *t);

/* Makes a report entry for `uid`; *ret_from is where it can be bound from. */
int delegate_entry(struct entry *e, uid_t uid, const char **ret_from, struct trouble *t);
/* Gives `path` to `uid`, until container_undo(); *ret_from as above. */
int delegate_file(struct entry *e, const char *path, uid_t uid, const char **ret_from,
                  struct trouble *t);
/*
 * Makes an entry that is none of the layer's, so that it can tell what it reaches of others'. Does
 * nothing where this layer can't.
 */
void delegate_neighbour(struct entry *e);
void delegate_undo(struct container *c);
