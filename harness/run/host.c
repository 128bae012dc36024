/* SPDX-License-Identifier: Apache-2.0 */
#include "run/host.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/cleanup.h"

#include "run/hostcheck.h"
#include "run/kvmcheck.h"
#include "run/limits.h"
#include "run/process.h"
#include "run/tdxhost.h"
#include "run/tsc.h"

#define KVM_DEVICE "/dev/kvm"

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int host_find_program(const char *name, char *ret, size_t ret_size)
{
	const char *dir = getenv("PATH");
	char path[4096];

	if (strchr(name, '/')) {
		_cleanup_(freep) char *real = realpath(name, NULL);

		if (!real || !is_program(real) || strlen(real) >= ret_size)
			return -ENOENT;
		strcpy(ret, real);
		return 0;
	}
	while (dir && *dir) {
		size_t length = strcspn(dir, ":");
		int n = snprintf(path, sizeof(path), "%.*s/%s", (int)length, dir, name);

		if (n > 0 && (size_t)n < sizeof(path) && (size_t)n < ret_size && is_program(path)) {
			memcpy(ret, path, (size_t)n + 1);
			return 0;
		}
		dir += length + (dir[length] == ':');
	}
	return -ENOENT;
}

/* "QEMU emulator version 7.2.22 (Debian …)" -> "7.2.22" */
static void qemu_version(const char *qemu, char *ret, size_t size)
{
	static const char intro[] = "version ";
	char *const argv[] = {(char *)qemu, (char *)"--version", NULL};
	char output[512];
	const char *at;

	if (process_capture(argv, HOST_PROBE_SECONDS * 1000, output, sizeof(output)) != 0)
		return;
	at = strstr(output, intro);
	if (!at)
		return;
	at += sizeof(intro) - 1;
	snprintf(ret, size, "%.*s", (int)strspn(at, "0123456789."), at);
}

static void cpu_model(char *ret, size_t size)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/cpuinfo", "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || !colon)
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(ret, size, "%s", colon + 1 + strspn(colon + 1, " "));
		return;
	}
}

static uint64_t memory_bytes(void)
{
	struct sysinfo si;

	return sysinfo(&si) < 0 ? 0 : (uint64_t)si.totalram * si.mem_unit;
}

/* Those that this process may run on. */
static unsigned cpu_count(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	return online > 0 ? (unsigned)online : 1; /* more than the set has room for */
}

/* What may be used: the machine, or what a control group leaves of it. */
static void take_limits(const char *sysroot, struct host_facts *h)
{
	uint64_t memory = memory_bytes();
	struct limits l;
	int n = 0;

	limits_read(sysroot, &l);
	h->cpus = cpu_count();
	if (l.cpus > 0 && l.cpus < h->cpus) {
		n = snprintf(h->limits, sizeof(h->limits), "%.2f of %u CPUs", l.cpus, h->cpus);
		h->cpus = l.cpus < 2 ? 1 : (unsigned)l.cpus;
	}
	if (l.memory && l.memory < memory) {
		snprintf(h->limits + n, sizeof(h->limits) - (size_t)n,
		         "%s%llu of %llu MiB of memory", n ? ", " : "",
		         (unsigned long long)(l.memory >> 20), (unsigned long long)(memory >> 20));
		memory = l.memory;
	}
	h->memory_mib = memory >> 20;
}

/* Free huge pages of 2 MiB. */
static uint64_t hugepages_mib(void)
{
	_cleanup_(fclosep) FILE *f =
	        fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
	unsigned long long pages = 0;

	return f && fscanf(f, "%llu", &pages) == 1 ? 2 * pages : 0;
}

/* With the first thing that a TDX host needs and this one lacks, and what to do. */
static void explain_tdx(const struct tdx_check *tdx, char *ret, size_t size)
{
	const struct host_check *bad = NULL;
	struct host_checks checks;

	if (!tdx->usable) {
		host_check("", &checks);
		bad = host_checks_first_bad(&checks);
	}
	if (bad)
		snprintf(ret, size, "%s; %s: %.100s; %.120s", tdx->reason, bad->what, bad->found,
		         bad->remedy);
	else
		snprintf(ret, size, "%s", tdx->reason);
}

int host_facts_gather(const char *qemu, struct host_facts *ret, struct err *e)
{
	struct host_facts h = {0};
	struct kvm_check kvm;
	struct tdx_check tdx;
	struct utsname u;

	if (uname(&u) < 0)
		return err_sys(e, -errno, "uname");
	snprintf(h.kernel, sizeof(h.kernel), "%s", u.release);
	cpu_model(h.cpu, sizeof(h.cpu));
	take_limits("", &h);
	h.hugepages_mib = hugepages_mib();
	h.tsc_khz = host_tsc_khz();
	if (host_find_program(qemu ? qemu : "qemu-system-x86_64", h.qemu, sizeof(h.qemu)) == 0)
		qemu_version(h.qemu, h.qemu_version, sizeof(h.qemu_version));
	kvm_check(KVM_DEVICE, &kvm);
	h.kvm_usable = kvm.usable;
	snprintf(h.kvm_reason, sizeof(h.kvm_reason), "%s", kvm.reason);
	tdx_host_check(KVM_DEVICE, h.qemu, &tdx);
	h.tdx_usable = tdx.usable;
	explain_tdx(&tdx, h.tdx_reason, sizeof(h.tdx_reason));
	*ret = h;
	return 0;
}
