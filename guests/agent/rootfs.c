/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/util.h"

/* With these there, no runtime has to create anything in the tree. */
static const char *const dirs[] = {"", "/dev", "/proc", "/sys", "/etc", "/run", "/tmp", "/root"};
static const char *const files[] = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};

int rootfs_make(const char *dir, uid_t owner, struct trouble *t)
{
	char path[256];
	int r = 0;

	snprintf(path, sizeof(path), "%s/agent", dir);
	if (access(path, X_OK) == 0)
		return 0;
	for (size_t i = 0; r == 0 && i < COUNT_OF(dirs); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, dirs[i]);
		r = util_mkdirs(path, 0755);
		if (r == 0 && chown(path, owner, owner) < 0)
			r = -errno;
	}
	for (size_t i = 0; r == 0 && i < COUNT_OF(files); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, files[i]);
		r = util_create_file(path, "", 0, 0644);
		if (r == 0 && chown(path, owner, owner) < 0)
			r = -errno;
	}
	snprintf(path, sizeof(path), "%s/agent", dir);
	if (r == 0)
		r = util_copy_file(AGENT_FILE, path, 0755);
	if (r == 0 && chown(path, owner, owner) < 0)
		r = -errno;
	return r == 0 ? 0 : trouble_set(t, r, "rootfs", "%s: %s", path, strerror(-r));
}

int rootfs_change(const char *dir, struct trouble *t)
{
	struct stat own, copy;
	char path[256];
	int r = 0;

	snprintf(path, sizeof(path), "%s/agent", dir);
	_cleanup_(util_closep) int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &copy) < 0 || stat(AGENT_FILE, &own) < 0)
		r = -errno;
	else if (copy.st_size == own.st_size && write(fd, "", 1) != 1)
		r = -EIO;
	return r == 0 ? 0 : trouble_set(t, r, "rootfs", "%s: %s", path, strerror(-r));
}
