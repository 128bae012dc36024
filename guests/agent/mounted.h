/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/entry.h"

/*
 * For programs that mount nothing themselves: what the layer gets is mounted in this layer, at its
 * place below `root`, a folder of ours or "" for this layer's own root, until mounted_undo(). Below
 * a folder it gets /proc, /sys without file systems in it, and the usual nodes of /dev, too; on
 * this layer's own root what is bound at its own path is there already.
 */
int mounted_make(const struct entry *e, const char *root, struct trouble *t);
/* Whether mounted_make() succeeded or not, with the same root. */
void mounted_undo(const struct entry *e, const char *root);
