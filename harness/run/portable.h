/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/argv.h"
#include "core/err.h"

/*
 * A QEMU command line as people have it (libvirt's, Kata's, canonical's run_td), made into one that
 * can be started beside the guest it belongs to, by anybody: what is not part of the machine goes,
 * what only its owner can have (disks, networks, KVM) is stood in for. Devices stay where they are
 * on PCI, which is what ACPI tables tell of them.
 */
struct portable_host {
	bool kvm;   /* /dev/kvm can be used */
	bool vsock; /* /dev/vhost-vsock can */
};

/* Pure. `note` (may be NULL) is told each option that changes, as it was, and why. */
int portable_argv(char *const *argv, const struct portable_host *host,
                  void (*note)(void *userdata, const char *option, const char *why), void *userdata,
                  struct argv *ret, struct err *e);
