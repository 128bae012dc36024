/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/nested.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/cpio.h"
#include "agent/rootfs.h"
#include "agent/util.h"

int nested_initrd(const char *path, const char *modules, struct trouble *t)
{
	int r = util_mkdirs(RUN_DIR, 0755);

	if (r == 0 && access(path, R_OK) < 0)
		r = cpio_make_initrd(AGENT_FILE, modules, path);
	return r == 0 ? 0 : trouble_set(t, r, "initrd", "%s: %s", path, strerror(-r));
}

int nested_kernel(char path[128], struct trouble *t)
{
	struct utsname uts;

	uname(&uts);
	snprintf(path, 128, "/boot/vmlinuz-%.100s", uts.release);
	return access(path, R_OK) == 0
	               ? 0
	               : trouble_set(t, -errno, "kernel", "%s: %s", path, strerror(errno));
}

int nested_tiny(const char *name, char path[64], struct trouble *t)
{
	snprintf(path, 64, RUN_DIR "/%s", name);
	if (access(path, R_OK) < 0)
		snprintf(path, 64, "/%s", name);
	return access(path, R_OK) == 0
	               ? 0
	               : trouble_set(t, -errno, "kernel", "%s: %s", path, strerror(errno));
}
