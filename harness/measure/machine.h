/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "measure/predict.h"

/*
 * What a QEMU command line, libvirt's too, says of the inputs of a prediction: -bios, -m, -kernel,
 * -initrd, -append, and the virtio-blk disk that the TD boots from with its place on the root bus.
 * What is not there, or not in a form that is understood, is left out, and so are the registers that
 * need it. The strings are owned.
 */
struct machine {
	char *firmware, *kernel, *initrd, *cmdline; /* NULL: not given */
	uint64_t memory; /* bytes; 0: not given */
	bool split;      /* how much of it is below 4 GiB is not QEMU's own choice */
	char *disk;                                 /* path of the image; NULL: none */
	bool read_only;
	bool placed; /* `place` says where it is */
	struct pci_place place;
};

/* `argv` ends with a NULL. -EINVAL for an option without its value or a size that is none. */
int machine_from_argv(char *const *argv, struct machine *ret, struct err *e);
void machine_done(struct machine *m);
