/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_PID1_H
#define AGENT_PID1_H

/*
 * The init of a VM: makes the machine ready, serves the virtio port in a process of its own, reaps
 * orphans, and powers off when serving has ended. It returns only on failure; the kernel then
 * panics, which ends the VM (panic=-1 with QEMU's -no-reboot).
 */
int pid1_main(void);

/* Mounts the root image (a disk with serial "tception-root") and moves into it; 0 or -errno. */
int root_enter(void);
/* Everything that an inner layer may need of the running system. */
void system_prepare(void);
/* proc, sys and dev of the initramfs. */
int system_mount_first(void);

#endif
