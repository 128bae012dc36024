/* SPDX-License-Identifier: Apache-2.0 */
/* What a distribution's init would have set up, as far as inner layers need it. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/driver.h"
#include "agent/pid1.h"
#include "agent/probe.h"
#include "agent/process.h"
#include "agent/util.h"

struct mounting {
	const char *target, *type, *options;
	unsigned long flags;
};

static const struct mounting first[] = {
        {"/proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
        {"/sys", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
        {"/dev", "devtmpfs", "mode=0755", MS_NOSUID},
};

static const struct mounting later[] = {
        {"/dev/pts", "devpts", "gid=5,mode=620,ptmxmode=666", MS_NOSUID | MS_NOEXEC},
        {"/dev/shm", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV},
        {"/dev/mqueue", "mqueue", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
        {"/tmp", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV},
        {"/sys/fs/cgroup", "cgroup2", "nsdelegate", MS_NOSUID | MS_NODEV | MS_NOEXEC},
        {"/sys/kernel/security", "securityfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
};

static const struct {
	const char *name, *target;
} links[] = {
        {"/dev/fd", "/proc/self/fd"},
        {"/dev/stdin", "/proc/self/fd/0"},
        {"/dev/stdout", "/proc/self/fd/1"},
        {"/dev/stderr", "/proc/self/fd/2"},
};

static int do_mount(const struct mounting *m)
{
	if (util_mkdirs(m->target, 0755) < 0 && errno != EEXIST)
		return -errno;
	return mount(m->type, m->target, m->type, m->flags, m->options) < 0 ? -errno : 0;
}

int system_mount_first(void)
{
	for (size_t i = 0; i < COUNT_OF(first); i++) {
		int r = do_mount(&first[i]);
		if (r < 0 && r != -EBUSY)
			return r;
	}
	for (size_t i = 0; i < COUNT_OF(links); i++) {
		if (symlink(links[i].target, links[i].name) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static void loopback_up(void)
{
	_cleanup_(util_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo"};

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return;
	request.ifr_flags |= IFF_UP;
	ioctl(fd, SIOCSIFFLAGS, &request);
}

/* systemd-nspawn and dbus want one; every boot is a new machine. */
static void make_machine_id(void)
{
	_cleanup_(util_freep) char *uuid = util_read_line("/proc/sys/kernel/random/uuid");
	char id[64];
	size_t n = 0;

	for (const char *p = uuid ? uuid : ""; *p && n < sizeof(id) - 1; p++) {
		if (*p != '-')
			id[n++] = *p;
	}
	id[n++] = '\n';
	util_create_file("/etc/machine-id", id, n, 0444);
}

static struct system_modules modules;

const struct system_modules *system_modules(void)
{
	return modules.asked ? &modules : NULL;
}

/*
 * A module that can't be loaded is a finding of the probes: the kernel's own line tells why. KVM's
 * is tried by vendor, so that the reason is in the log even where CPUID hides the feature. There is
 * no deadline but the host's for the boot: what a slow machine had no time to load would look like
 * something that is not there.
 */
static void load_drivers(void)
{
	struct cpu_bits cpu;
	double begun = util_now_fine_ms();

	probe_cpu_bits(&cpu);
	const char *kvm = strcmp(cpu.vendor, "GenuineIntel") == 0 ? "kvm_intel" : "kvm_amd";
	const char *const argv[] = {"modprobe", "--all",  "--quiet",    "configfs", "tdx_guest",
	                            kvm,        "af_alg", "algif_hash", NULL};
	pid_t pid = fork();
	if (pid == 0) {
		process_become(0, 0);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	modules.asked = true;
	modules.kvm = kvm;
	modules.status = -1;
	while (pid > 0 && waitpid(pid, &modules.status, 0) < 0 && errno == EINTR)
		;
	modules.ms = util_now_fine_ms() - begun;
}

static const struct mounting configfs = {"/sys/kernel/config", "configfs", NULL,
                                         MS_NOSUID | MS_NODEV | MS_NOEXEC};

static void mount_later(const struct mounting *m)
{
	int r = do_mount(m);

	if (r < 0)
		util_log("mount %s: %s", m->target, strerror(-r));
}

/* Container storage is on tmpfs because an overlay can't be stacked on the overlay root. */
static void mount_storage(void)
{
	const struct storage *s;

	for (size_t i = 0; (s = driver_storage(i)) != NULL; i++) {
		if (s->tmpfs)
			mount_later(&(struct mounting){s->path, "tmpfs", s->tmpfs, 0});
	}
}

void system_prepare(void)
{
	if (access("/etc", F_OK) < 0) /* the bare initramfs of a nested VM */
		return;
	for (size_t i = 0; i < COUNT_OF(later); i++)
		mount_later(&later[i]);
	mount_storage();
	mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
	loopback_up();
	make_machine_id();
	load_drivers();
	do_mount(&configfs);
}
