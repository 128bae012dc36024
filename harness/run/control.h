/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/argv.h"
#include "core/err.h"

/*
 * The control VM of a QEMU command line as people have it (libvirt's, Kata's, dstack's, canonical's
 * run_td, our own): the same machine for firmware, without TDX, that anybody can start beside the
 * guest it belongs to, and that runs guests/fwcfg instead of a kernel. What is no part of the machine
 * goes, what only the guest's host can have (disks, networks, KVM, memory, descriptors) is stood in
 * for. Devices stay where they are on PCI, which is what ACPI tables tell of them.
 */
struct control_spec {
	const char *dumper; /* path of fwcfg.efi */
	const char *output; /* where it writes fw_cfg's records */
	bool kvm;           /* what asks for KVM stays; else goes, so that it starts anywhere */
	/* Told each option that changes, as it was, and why; may be NULL. */
	void (*note)(void *userdata, const char *option, const char *why);
	void *userdata;
};

/* Whether it names KVM as its accelerator; argv[0] is the program. */
bool control_asks_for_kvm(char *const *argv);

/* Pure. -EINVAL for an option without its value or a value that is none. */
int control_argv(char *const *argv, const struct control_spec *spec, struct argv *ret,
                 struct err *e);
