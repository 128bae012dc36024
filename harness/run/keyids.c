/* SPDX-License-Identifier: Apache-2.0 */
#include "run/keyids.h"

#include <limits.h>
#include <stdio.h>

#include "core/cleanup.h"

/* "tdx 62" of a misc cgroup's file. */
static bool misc_value(const char *sysroot, const char *name, unsigned long *ret)
{
	_cleanup_(fclosep) FILE *f = NULL;
	char path[PATH_MAX], line[128];

	snprintf(path, sizeof(path), "%s/sys/fs/cgroup/%s", sysroot, name);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "tdx %lu", ret) == 1)
			return true;
	}
	return false;
}

bool keyids_read(const char *sysroot, unsigned long *ret_all, unsigned long *ret_used)
{
	unsigned long all, used;

	if (!misc_value(sysroot, "misc.capacity", &all) ||
	    !misc_value(sysroot, "misc.current", &used))
		return false;
	*ret_all = all;
	*ret_used = used;
	return true;
}
