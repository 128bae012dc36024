/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody's own root file system: on a disk, below an overlay, which is lost with the TD. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/device.h"
#include "agent/td.h"
#include "agent/util.h"

#define ROOT_DISK      "tception-td-root" /* a disk's serial number */
#define LOWER          TD_ROOT "-ro"
#define PARTITIONS_MAX 64

/* ---- where on the disk it is ---- */

/* Nothing is written, so that no journal is played back. */
static const struct {
	const char *type, *options;
} file_systems[] = {
        {"squashfs", NULL},           {"erofs", NULL},          {"ext4", "noload"},
        {"xfs", "norecovery,nouuid"}, {"btrfs", "subvol=root"}, {"btrfs", "subvol=@"},
        {"btrfs", "subvol=@rootfs"},  {"btrfs", NULL},
};

static bool is_root(void)
{
	struct stat st;

	return lstat(LOWER "/etc", &st) == 0 && S_ISDIR(st.st_mode) &&
	       (lstat(LOWER "/usr", &st) == 0 || lstat(LOWER "/bin", &st) == 0);
}

/* The disk itself or one of its partitions, if there is a root on it. */
static int try_device(const char *device)
{
	for (size_t i = 0; i < COUNT_OF(file_systems); i++) {
		if (mount(device, LOWER, file_systems[i].type, MS_RDONLY, file_systems[i].options) <
		    0)
			continue;
		if (is_root())
			return 0;
		umount2(LOWER, MNT_DETACH);
	}
	return -ENOENT;
}

/* In the order of their numbers: the first that has one. */
static int try_partitions(const char *disk)
{
	for (unsigned i = 1; i <= PARTITIONS_MAX; i++) {
		char device[320];

		snprintf(device, sizeof(device), "%s%u", disk, i);
		if (access(device, R_OK) == 0 && try_device(device) == 0)
			return 0;
	}
	return -ENOENT;
}

/* A root that is nothing but a file system may have neither of its folders. */
static int mount_lower(const char *disk)
{
	if (try_device(disk) == 0 || try_partitions(disk) == 0)
		return 0;
	return mount(disk, LOWER, "squashfs", MS_RDONLY, NULL) < 0 ? -ENOENT : 0;
}

static int mount_root_disk(void)
{
	static const char *const folders[] = {"/ro", "/rw", "/rw/upper", "/rw/work"};
	char disk[300], path[100];
	int r = disk_find(ROOT_DISK, disk, sizeof(disk));

	for (size_t i = 0; r == 0 && i < COUNT_OF(folders); i++) {
		snprintf(path, sizeof(path), TD_ROOT "-%s", folders[i] + 1);
		r = util_mkdirs(path, 0755);
		if (r == 0 && i == 1 && mount("tmpfs", path, "tmpfs", 0, "mode=0755") < 0)
			r = -errno;
	}
	if (r == 0)
		r = util_mkdirs(TD_ROOT, 0755);
	if (r == 0)
		r = mount_lower(disk);
	if (r == 0 && mount("overlay", TD_ROOT, "overlay", 0,
	                    "lowerdir=" LOWER ",upperdir=" TD_ROOT "-rw/upper,workdir=" TD_ROOT
	                    "-rw/work") < 0)
		r = -errno;
	return r;
}

/* ---- what is put into it ---- */

int td_root_bind(const char *path)
{
	char to[300];

	snprintf(to, sizeof(to), TD_ROOT "%s", path);
	int r = util_mkdirs(to, 0755);
	if (r == 0 && mount(path, to, NULL, MS_BIND | MS_REC, NULL) < 0)
		r = -errno;
	return r;
}

static void copy_into_root(const char *path)
{
	char to[100];

	snprintf(to, sizeof(to), TD_ROOT "%s", path);
	unlink(to); /* a link would lead out of it */
	util_copy_file(path, to, 0644);
}

/* What a program of it finds as it would on the machine itself. */
int td_root_up(void)
{
	static const char *const binds[] = {"/proc", "/sys", "/dev", "/run/tception/trust",
	                                    TD_WORK};
	static const char *const copies[] = {"/etc/resolv.conf", "/etc/hosts",
	                                     "/etc/tdx-attest.conf", "/etc/sgx_default_qcnl.conf"};
	int r = mount_root_disk();

	for (size_t i = 0; r == 0 && i < COUNT_OF(binds); i++)
		r = td_root_bind(binds[i]);
	for (size_t i = 0; r == 0 && i < COUNT_OF(copies); i++)
		copy_into_root(copies[i]);
	return r;
}
