/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/err.h"

/*
 * Whether the container engines of a root image are those of the distribution's packages, by
 * engines.manifest beside it: guests/image/engines compared every file with the signed packages and
 * noted the image's SHA-256, which is computed again here.
 */
struct engines {
	bool same;
	char text[400]; /* one line: how many are the same, or what is not */
};

/* -ENOENT where there is no manifest, -EINVAL where it is none, with the line's number. */
int engines_check(const char *root_image, struct engines *ret, struct err *e);

/* {"podman": "5.4.2+ds1-2", ...}: the packages that engines come from, where the manifest is of the image with
 * that SHA-256 (hexadecimal); else NULL. */
json_t *engines_versions(const char *root_image, const char *sha256);
