/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * The init of a VM: makes the machine ready, serves the virtio port in a process of its own, reaps
 * orphans, and powers off when serving has ended. It returns only on failure; the kernel then
 * panics, which ends the VM (panic=-1 with QEMU's -no-reboot).
 */
int pid1_main(void);

/*
 * The same conversation as a service of another init: the port is waited for, and served until BYE.
 * An exit status. READY is sent, as the host waits for it.
 */
int port_main(void);

/* root.c: mounts the root image and moves into it; 0 or -errno. */
int root_enter(void);

/* job.c: a disk with a program to run instead of a harness to serve; see README.md. */
bool job_present(void);
int job_run(void); /* an exit status */

/* system.c: everything that an inner layer may need of the running system. */
void system_prepare(void);
/* proc, sys and dev of the initramfs. */
int system_mount_first(void);

/* What became of loading the kernel's modules at the start. */
struct system_modules {
	bool asked;
	const char *kvm; /* which vendor's was tried */
	int status;      /* of wait(2); -1: modprobe could not be started */
	double ms;
};
/* NULL in a process that loaded none: a container's, a bare initramfs' init. */
const struct system_modules *system_modules(void);
