/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * A VM's devices by the names that QEMU was told, whatever else is plugged in: the /dev path of the
 * disk with that serial number, or of the virtio port of that name. 0 or -errno.
 */
int disk_find(const char *wanted, char *ret, size_t size);
int port_find(const char *wanted, char *ret, size_t size);

#define ROOT_SERIAL "tception-root" /* of the root image's disk */
