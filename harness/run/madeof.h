/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "core/err.h"
#include "plan/plan.h"
#include "run/parts.h"

/*
 * What a run was made of, kept with it as parts.json: of each file its path, size and SHA-256 (of more
 * than 2 GiB: the time it was last changed), of
 * root images the versions of the packages that engines come from.
 *
 *   {"parts": {"kernel": {"path", "size", "sha256"}, ...}, "append": text, "engines": {"root": {name: version}}}
 *
 * Files are `tception`, `qemu`, `firmware`, `module`, `disk`, and by a boot's kernel and image
 * `kernel`, `initrd`, `root` or with `@backports` or `@minimal` behind it.
 */
struct made_of {
	const struct guest_parts *parts;
	const char *qemu;
	const struct boot *const *boot; /* those that are of interest */
	size_t boots;
};

/* For json_decref(). A file that can't be read has no digest, but "missing" and why. NULL: no memory. */
json_t *made_of_json(const struct made_of *m);
int made_of_save(const struct made_of *m, const char *dir, struct err *e);

/* Calls `each` with the name of each part of a boot and, if it is a file, its path. */
void made_of_each(const struct made_of *m, const struct boot *b,
                  void (*each)(void *userdata, const char *name, const char *path), void *userdata);
