/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/task.h"
#include "td/td.h"

/* What somebody wants of a TD. Zeros and NULLs: the usual. */
struct td_wish {
	const char *name;
	const char *layer0; /* all of the machine, as a cell has it; layers are entered in it */
	unsigned memory_mib, vcpus;
	const char *exits;              /* of the axis of that name */
	const char *quote;              /* "v4" or "v5" */
	const char *kernel;             /* "trixie", "backports", or a file */
	const char *initrd;             /* a file, for a kernel that is one */
	const char *root;               /* a folder, a tar archive or a squashfs */
	const char *image;              /* a disk image, whose root file system is taken */
	const char *boot;               /* a disk image to boot from, by itself */
	const char *share[TASK_SHARES]; /* "HOST[:GUEST][:ro]" */
	size_t shares;
	const char *qemu, *qgs_socket, *state_dir;
	enum platform platform; /* PLATFORM_NONE: automatic */
	enum authority_profile profile;
	bool no_network;
};

/* Looks at the host and makes the TD's place. -EINVAL for a wish that can't be; free with td_unmake(). */
int td_make(const struct td_wish *w, struct td_spec *ret, struct err *e);
void td_unmake(struct td_spec *s);
