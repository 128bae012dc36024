/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Writes an initramfs (cpio "newc", Linux Documentation/driver-api/early-userspace/buffer-format)
 * with the program as /init, the directories it mounts upon and /dev/console; and the files of the
 * directory `modules`, unless that is NULL, in /modules. 0 or -errno.
 */
int cpio_make_initrd(const char *program, const char *modules, const char *output);
