/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/device.h"

#include "agent/util.h"

int disk_find(const char *wanted, char *ret, size_t size)
{
	return util_find_device("/sys/block", "serial", wanted, ret, size);
}

int port_find(const char *wanted, char *ret, size_t size)
{
	return util_find_device("/sys/class/virtio-ports", "name", wanted, ret, size);
}
