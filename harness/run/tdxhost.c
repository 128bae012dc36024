/* SPDX-License-Identifier: Apache-2.0 */
#include "run/tdxhost.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/cleanup.h"
#include "run/process.h"

/* Newer than some hosts' headers: Linux 6.16, Documentation/virt/kvm/api.rst. */
#define CAP_VM_TYPES 235
#define VM_TYPE_TDX  5
#define VM_TYPE_TDX_V19 2 /* of the patches that distributions carried on 6.8 */
#define PROBE_MS     10000

static bool kernel_can(const char *device, char *reason, size_t size)
{
	_cleanup_(closep) int fd = open(device, O_RDWR | O_CLOEXEC);
	int types;

	if (fd < 0) {
		snprintf(reason, size, "%s: %s%s", device, strerror(errno),
		         errno == EACCES ? "; usermod -aG kvm USER, then log in again" : "");
		return false;
	}
	types = ioctl(fd, KVM_CHECK_EXTENSION, CAP_VM_TYPES);
	if (types > 0 && !(types & 1 << VM_TYPE_TDX) && types & 1 << VM_TYPE_TDX_V19) {
		snprintf(reason, size,
		         "KVM has TDX by an interface from before Linux 6.16 (KVM_CAP_VM_TYPES is "
		         "%#x): Linux 6.16 or newer",
		         (unsigned)types);
		return false;
	}
	if (types <= 0 || !(types & 1 << VM_TYPE_TDX)) {
		snprintf(reason, size, "KVM does not offer TDX VMs (KVM_CAP_VM_TYPES is %#x)",
		         types < 0 ? 0u : (unsigned)types);
		return false;
	}
	return true;
}

static bool qemu_can(const char *qemu, char *reason, size_t size)
{
	char *const argv[] = {(char *)qemu, (char *)"-object", (char *)"help", NULL};
	char output[16384];
	int r;

	if (!*qemu) {
		snprintf(reason, size, "no QEMU");
		return false;
	}
	r = process_capture(argv, PROBE_MS, output, sizeof(output));
	if (r != 0) {
		snprintf(reason, size, "QEMU's -object help failed (%d)", r);
		return false;
	}
	if (!strstr(output, "tdx-guest")) {
		snprintf(reason, size, "this QEMU has no tdx-guest object; 10.1 and newer have");
		return false;
	}
	return true;
}

void tdx_host_check(const char *device, const char *qemu, struct tdx_check *ret)
{
	struct tdx_check c = {0};

	c.usable = kernel_can(device, c.reason, sizeof(c.reason)) &&
	           qemu_can(qemu, c.reason, sizeof(c.reason));
	if (c.usable)
		snprintf(c.reason, sizeof(c.reason), "KVM offers TDX VMs and QEMU has tdx-guest");
	*ret = c;
}
