/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/argv.h"
#include "core/err.h"

/*
 * A machine that a file describes: machine.yaml (README.md has the format), or a domain of libvirt in
 * XML. Either becomes a QEMU command line, which is the one form that everything else reads.
 */
#define MACHINE_VERSION_MAX 24

struct machine_file {
	struct argv argv;                  /* ends with a NULL; item 0 is the program */
	char version[MACHINE_VERSION_MAX]; /* of QEMU, "10.0.13"; "": not told */
};

/* -EINVAL with file, line and column, or what of the XML is none; -ENOPKG without libxml2. */
int machine_file_read(const char *path, struct machine_file *ret, struct err *e);
void machine_file_done(struct machine_file *m);

/* machine.yaml for a command line, on the heap; what it has no key for is in its `arguments`. */
int machine_file_write(char *const *argv, const char *version, char **ret, struct err *e);
