/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the initramfs to the root image: a read-only squashfs under an overlay on tmpfs, so that a
 * boot leaves nothing behind. Without a module list, as in a nested VM, the initramfs is all there
 * is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/device.h"
#include "agent/driver.h"
#include "agent/pid1.h"
#include "agent/rootfs.h"
#include "agent/util.h"

#define INITRD_DIR   "/modules"
#define MODULE_LIST  INITRD_DIR "/list" /* file names in the order of loading */
#define DISK_WORD_MS 10000

static int load_module(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), INITRD_DIR "/%s", name);
	_cleanup_(util_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static int load_modules(char *list)
{
	char *rest = NULL;

	for (char *name = strtok_r(list, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
		int r = load_module(name);
		if (r < 0) {
			util_log("module %s: %s", name, strerror(-r));
			return r;
		}
	}
	return 0;
}

/* The disk may be late; only the host's deadline ends a boot. */
static int mount_root(void)
{
	int64_t word = util_now_ms() + DISK_WORD_MS;
	char disk[300];

	while (disk_find(ROOT_SERIAL, disk, sizeof(disk)) < 0 || access(disk, R_OK) < 0) {
		if (util_now_ms() >= word) {
			util_log("still no disk with serial '" ROOT_SERIAL "'");
			word += DISK_WORD_MS;
		}
		util_sleep_ms(10);
	}
	mkdir("/ro", 0755);
	mkdir("/rw", 0755);
	mkdir("/root", 0755);
	if (mount(disk, "/ro", "squashfs", MS_RDONLY, NULL) < 0 ||
	    mount("tmpfs", "/rw", "tmpfs", 0, "mode=0755") < 0 || mkdir("/rw/upper", 0755) < 0 ||
	    mkdir("/rw/work", 0755) < 0 ||
	    mount("overlay", "/root", "overlay", 0,
	          "lowerdir=/ro,upperdir=/rw/upper,workdir=/rw/work") < 0)
		return -errno;
	return 0;
}

static int carry_modules(void)
{
	DIR *dir = opendir(INITRD_DIR);
	char from[300], to[300];
	struct dirent *d;
	int r = util_mkdirs("/root" MODULES_DIR, 0755);

	while (dir && r == 0 && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(from, sizeof(from), INITRD_DIR "/%s", d->d_name);
		snprintf(to, sizeof(to), "/root" MODULES_DIR "/%s", d->d_name);
		r = util_copy_file(from, to, 0644);
	}
	if (dir)
		closedir(dir);
	return r;
}

/* What the drivers need later comes along on the new root's /run. */
static int carry_over(void)
{
	static const char *const files[] = {TINY_FILE, TINY_RISCV_FILE, CONFORMANCE_FILE};
	char from[64], to[64];

	if (mount("tmpfs", "/root/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0)
		return -errno;
	int r = util_mkdirs("/root" RUN_DIR, 0755);
	for (size_t i = 0; r == 0 && i < COUNT_OF(files); i++) {
		snprintf(from, sizeof(from), "/%s", files[i]);
		snprintf(to, sizeof(to), "/root" RUN_DIR "/%s", files[i]);
		if (access(from, R_OK) == 0)
			r = util_copy_file(from, to, 0755);
	}
	return r == 0 ? carry_modules() : r;
}

static int switch_root(void)
{
	static const char *const kept[] = {"/dev", "/proc", "/sys"};

	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		char to[32];
		snprintf(to, sizeof(to), "/root%s", kept[i]);
		if (mount(kept[i], to, NULL, MS_MOVE, NULL) < 0)
			return -errno;
	}
	if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0)
		return -errno;
	return 0;
}

int root_enter(void)
{
	_cleanup_(util_freep) char *list = NULL;
	int r = util_read_file(MODULE_LIST, 64 << 10, &list, NULL);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = load_modules(list);
	if (r == 0)
		r = mount_root();
	if (r == 0)
		r = carry_over();
	return r < 0 ? r : switch_root();
}
