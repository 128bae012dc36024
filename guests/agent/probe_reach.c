/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be reached through files: paths of /proc and /sys that runtimes mask or mount read-only,
 * and device nodes. Opened and at most one byte read, never written. Only what is on these lists is
 * opened: opening a watchdog, a tape or a virtio port already does something.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/probe.h"
#include "agent/util.h"

#define NODES_MAX   64   /* device nodes reported */
#define ENTRIES_MAX 2000 /* looked at below /dev */
#define DEPTH_MAX   3

static const char *const read_paths[] = {
        "/proc/kcore",
        "/proc/keys",
        "/proc/timer_list",
        "/proc/acpi",
        "/proc/scsi",
        "/sys/firmware",
        "/sys/devices/virtual/powercap",
        "/sys/kernel/debug",
        "/sys/kernel/tracing",
        "/sys/kernel/security",
};

/* Settings of the whole kernel: none of these belongs to a namespace. */
static const char *const write_paths[] = {
        "/proc/sysrq-trigger",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/kernel/panic",
        "/proc/sys/kernel/kptr_restrict",
        "/proc/sys/kernel/dmesg_restrict",
        "/proc/sys/vm/drop_caches",
        "/proc/sys/fs/file-max",
        "/proc/irq/default_smp_affinity",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "/sys/module/kernel/parameters/panic",
        "/sys/kernel/uevent_helper",
        "/sys/power/state",
};

/* Beside block devices. Those that end in '-' or a letter stand for all that begin so. */
static const char *const character_nodes[] = {
        "/dev/mem",       "/dev/kmem",           "/dev/port",    "/dev/kmsg",
        "/dev/kvm",       "/dev/fuse",           "/dev/net/tun", "/dev/loop-control",
        "/dev/vfio/vfio", "/dev/mapper/control", "/dev/vsock",   "/dev/tdx_guest",
        "/dev/cpu/0/msr",
};

/* Disks only: opening a floppy or CD drive moves it. */
static const char *const disk_names[] = {"vd", "sd", "nvme", "xvd", "dm-", "loop", "ram", "pmem"};

/* What runtimes put over a path to hide it: /dev/null over a file, an empty tmpfs over a folder. */
static bool is_hidden(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static int open_errno(const char *path, int flags, bool *ret_hidden)
{
	_cleanup_(util_closep) int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno;
	*ret_hidden = is_hidden(fd);
	return 0;
}

/* `bytes`: what a read of one byte gave; of a folder, whether there is anything in it. */
static json_t *try_read(const char *path)
{
	_cleanup_(util_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error = fd < 0 ? errno : 0;
	bool hidden = fd >= 0 && is_hidden(fd);
	ssize_t n = 0;
	char byte;

	if (fd >= 0 && !hidden)
		n = read(fd, &byte, 1);
	if (n < 0 && errno == EISDIR) {
		DIR *dir = opendir(path);
		struct dirent *d;
		for (n = 0; dir && n == 0 && (d = readdir(dir));)
			n = d->d_name[0] != '.';
		if (dir)
			closedir(dir);
	} else if (n < 0) {
		error = errno;
	}
	return json_pack("{s:s,s:s,s:i,s:b,s:b}", "path", path, "how", "read", "errno", error,
	                 "hidden", hidden, "bytes", n > 0);
}

static json_t *try_write(const char *path)
{
	bool hidden = false;
	int error = open_errno(path, O_WRONLY, &hidden);

	return json_pack("{s:s,s:s,s:i,s:b}", "path", path, "how", "write", "errno", error,
	                 "hidden", hidden);
}

/* ---- device nodes ---- */
struct walk {
	json_t *nodes;
	size_t seen; /* entries, whatever they are */
	size_t more; /* wanted nodes that did not fit */
};

static bool is_disk(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(disk_names); i++) {
		if (strncmp(name, disk_names[i], strlen(disk_names[i])) == 0)
			return true;
	}
	return false;
}

static bool is_wanted(const char *path, const char *name, mode_t mode)
{
	if (S_ISBLK(mode))
		return is_disk(name);
	for (size_t i = 0; S_ISCHR(mode) && i < COUNT_OF(character_nodes); i++) {
		if (strcmp(path, character_nodes[i]) == 0)
			return true;
	}
	return false;
}

static void look_at(struct walk *w, const char *path, const struct stat *st)
{
	bool hidden = false;

	if (json_array_size(w->nodes) == NODES_MAX) {
		w->more++;
		return;
	}
	json_array_append_new(w->nodes,
	                      json_pack("{s:o,s:s,s:i,s:i,s:i}", "path",
	                                util_json_text(path, strlen(path)), "type",
	                                S_ISBLK(st->st_mode) ? "block" : "char", "major",
	                                (int)major(st->st_rdev), "minor", (int)minor(st->st_rdev),
	                                "errno", open_errno(path, O_RDONLY, &hidden)));
}

static void walk(struct walk *w, const char *folder, int depth)
{
	DIR *dir = opendir(folder);
	struct dirent *d;

	while (dir && (d = readdir(dir)) && w->seen < ENTRIES_MAX) {
		char path[300];
		struct stat st;
		if (d->d_name[0] == '.')
			continue;
		w->seen++;
		snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
		if (lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			walk(w, path, depth + 1);
		else if (is_wanted(path, d->d_name, st.st_mode))
			look_at(w, path, &st);
	}
	if (dir)
		closedir(dir);
}

json_t *probe_reach(void *unused)
{
	struct walk w = {.nodes = json_array()};
	json_t *paths = json_array();
	bool hidden = false;

	(void)unused;
	for (size_t i = 0; i < COUNT_OF(read_paths); i++)
		json_array_append_new(paths, try_read(read_paths[i]));
	for (size_t i = 0; i < COUNT_OF(write_paths); i++)
		json_array_append_new(paths, try_write(write_paths[i]));
	walk(&w, "/dev", 1);
	/* Opening another process' memory is decided by the same check as tracing it. */
	return json_pack("{s:o,s:o,s:I,s:I,s:i,s:i}", "paths", paths, "nodes", w.nodes, "more",
	                 (json_int_t)w.more, "entries", (json_int_t)w.seen, "pid1_memory",
	                 open_errno("/proc/1/mem", O_RDONLY, &hidden), "kernel_log",
	                 klogctl(10, NULL, 0) < 0 ? errno : 0);
}
