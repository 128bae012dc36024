/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/entry.h"

/*
 * Writes `dir`/config.json, an OCI bundle's configuration (opencontainers/runtime-spec 1.0) for the
 * entry's container: what `runc spec` (or `runc spec --rootless`) writes, plus what its grants add.
 * The directory is made; in a rootless bundle root is `owner`. 0 or -errno.
 */
int oci_write_bundle(const struct entry *e, const char *dir, uid_t owner);
