/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/driver.h"
#include "agent/util.h"

/* With these there, no runtime has to create anything in the tree. */
static const char *const dirs[] = {"",     "/dev", "/proc", "/sys", "/etc",
                                   "/run", "/tmp", "/root", "/usr"};
static const char *const files[] = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};

static const char *const nest_dirs[] = {"/boot", "/home", "/var", "/var/tmp", "/var/lib"};
static const char *const links[] = {"bin", "sbin", "lib", "lib64"};
static const char *const guests[] = {TINY_FILE, TINY_RISCV_FILE, CONFORMANCE_FILE};

static int own(const char *path, uid_t owner)
{
	return lchown(path, owner, owner) < 0 ? -errno : 0;
}

/* `path` is left with what it failed at, if it does. */
static int make_dir(const char *dir, const char *name, uid_t owner, char *path, size_t size)
{
	snprintf(path, size, "%s%s", dir, name);
	int r = util_mkdirs(path, 0755);
	return r == 0 ? own(path, owner) : r;
}

static int make_plain(const char *dir, uid_t owner, char *path, size_t size)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT_OF(dirs); i++)
		r = make_dir(dir, dirs[i], owner, path, size);
	for (size_t i = 0; r == 0 && i < COUNT_OF(files); i++) {
		snprintf(path, size, "%s%s", dir, files[i]);
		r = util_create_file(path, "", 0, 0644);
		if (r == 0)
			r = own(path, owner);
	}
	return r;
}

/* Where a guest image of the layer below is: in a VM, then in a container. */
static int copy_guest(const char *dir, const char *name)
{
	char from[64], to[256];

	snprintf(from, sizeof(from), RUN_DIR "/%s", name);
	if (access(from, R_OK) < 0)
		snprintf(from, sizeof(from), "/%s", name);
	snprintf(to, sizeof(to), "%s/%s", dir, name);
	return access(from, R_OK) < 0 ? 0 : util_copy_file(from, to, 0755);
}

static int make_nest(const char *dir, uid_t owner, char *path, size_t size)
{
	const struct storage *s;
	char target[16];
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT_OF(nest_dirs); i++)
		r = make_dir(dir, nest_dirs[i], owner, path, size);
	for (size_t i = 0; r == 0 && (s = driver_storage(i)) != NULL; i++)
		r = make_dir(dir, s->path, owner, path, size);
	for (size_t i = 0; r == 0 && i < COUNT_OF(links); i++) {
		snprintf(path, size, "%s/%s", dir, links[i]);
		snprintf(target, sizeof(target), "usr/%s", links[i]);
		if (symlink(target, path) < 0 && errno != EEXIST)
			r = -errno;
	}
	for (size_t i = 0; r == 0 && i < COUNT_OF(guests); i++) {
		snprintf(path, size, "%s/%s", dir, guests[i]);
		r = copy_guest(dir, guests[i]);
	}
	return r;
}

static int copy_etc(const char *dir, uid_t owner, int64_t end_ms, struct trouble *t)
{
	struct command copy = {0}, give = {0};

	command_add_all(&copy, "cp", "-a", "/etc", NULL);
	command_addf(&copy, "%s/", dir);
	int r = command_run(&copy, "cp", end_ms, t);
	command_add_all(&give, "chown", "-hR", NULL);
	command_addf(&give, "%u:%u", (unsigned)owner, (unsigned)owner);
	command_addf(&give, "%s/etc", dir);
	if (r == 0 && owner != 0)
		r = command_run(&give, "chown", end_ms, t);
	command_done(&copy);
	command_done(&give);
	return r;
}

int rootfs_make(const char *dir, uid_t owner, bool nest, int64_t end_ms, struct trouble *t)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/agent", dir);
	if (access(path, X_OK) == 0)
		return 0;
	int r = make_plain(dir, owner, path, sizeof(path));
	if (r == 0 && nest) {
		r = make_nest(dir, owner, path, sizeof(path));
		if (r == 0)
			r = copy_etc(dir, owner, end_ms, t);
	}
	snprintf(path, sizeof(path), "%s/agent", dir);
	if (r == 0)
		r = util_copy_file(AGENT_FILE, path, 0755);
	if (r == 0)
		r = own(path, owner);
	return r == 0 || r == -ETIMEDOUT || r == -ECHILD
	               ? r
	               : trouble_set(t, r, "rootfs", "%s: %s", path, strerror(-r));
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
