/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel makes of the TD: MSRs, ports, device memory, acceptance of memory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include "conformance/conformance.h"
#include "format/tdx.h"

/* ---- MSRs, read by the kernel on our behalf ---- */
struct msr {
	uint32_t number;
	bool works;          /* else #GP, which the kernel hands on as EIO */
	uint64_t attributes; /* with one of these, or of XFAM, the TD has what it belongs to */
	uint64_t xfam;
};

/* Whether the TD's configuration makes the MSR another one. */
static bool belongs(const struct msr *m)
{
	struct tdreport r;

	return (m->attributes || m->xfam) && get_tdreport(0, &r) == 0 &&
	       ((r.td.attributes & m->attributes) || (r.td.xfam & m->xfam));
}

static void look_msr(struct outcome *o, const void *of)
{
	const struct msr *m = of;
	int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	uint64_t value = 0;
	int error = 0;

	if (fd < 0) {
		skip(o, "/dev/cpu/0/msr: %s (the kernel's module msr)", errno_name(errno));
		return;
	}
	if (pread(fd, &value, sizeof(value), m->number) != sizeof(value))
		error = errno;
	close(fd);
	if (belongs(m))
		skip(o, "the TD has the feature");
	else if (error && error != EIO)
		skip(o, "%s", errno_name(error));
	else if (error)
		(m->works ? fail : pass)(o, "a fault");
	else
		(m->works ? pass : fail)(o, "%#llx", (unsigned long long)value);
}

static void look_msr_tsc(struct outcome *o, const void *of)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	uint64_t before, value = 0, after;
	ssize_t n;

	(void)of;
	if (fd < 0) {
		skip(o, "/dev/cpu/0/msr: %s (the kernel's module msr)", errno_name(errno));
		return;
	}
	before = __rdtsc();
	n = pread(fd, &value, sizeof(value), 0x10);
	after = __rdtsc();
	close(fd);
	if (n != sizeof(value))
		fail(o, "a fault");
	else
		(before <= value && value <= after ? pass : fail)(
		        o, "%#llx between %#llx and %#llx", (unsigned long long)value,
		        (unsigned long long)before, (unsigned long long)after);
}

/* ---- ports and device memory ---- */
static void look_port(struct outcome *o, const void *of)
{
	int fd = open("/dev/port", O_RDONLY | O_CLOEXEC);
	uint8_t value = 0;

	(void)of;
	if (fd < 0) {
		skip(o, "/dev/port: %s", errno_name(errno));
		return;
	}
	if (pread(fd, &value, 1, 0x71) != 1)
		fail(o, "%s", errno_name(errno));
	else
		pass(o, "port 0x71: %#x", value);
	close(fd);
}

/* The first memory BAR of a PCI device, mapped; MAP_FAILED, with *ret_error, without. */
static volatile uint32_t *map_device(char path[300], int *ret_error)
{
	DIR *dir = opendir("/sys/bus/pci/devices");
	void *found = MAP_FAILED;
	struct dirent *d;

	*ret_error = ENODEV;
	while (dir && found == MAP_FAILED && (d = readdir(dir))) {
		for (int bar = 0; bar < 6 && found == MAP_FAILED; bar++) {
			snprintf(path, 300, "/sys/bus/pci/devices/%.200s/resource%d", d->d_name,
			         bar);
			int fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				continue;
			found = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
			*ret_error = found == MAP_FAILED ? errno : 0;
			close(fd);
		}
	}
	if (dir)
		closedir(dir);
	return found;
}

static void touch(const void *of)
{
	(void)*(const volatile uint32_t *)of;
}

static void look_mmio(struct outcome *o, const void *of)
{
	char path[300];
	int error = 0, signal;
	volatile uint32_t *device = map_device(path, &error);

	(void)of;
	if (device == MAP_FAILED) {
		skip(o, "no PCI device's memory can be mapped: %s", errno_name(error));
		return;
	}
	signal = signal_of(touch, (const void *)device);
	(signal == SIGSEGV || signal == SIGBUS ? pass : fail)(
	        o, "%.60s: %s", path + strlen("/sys/bus/pci/devices/"),
	        signal == SIGSEGV ? "SIGSEGV"
	        : signal          ? "a signal"
	                          : "it was read");
}

/* ---- acceptance of memory ---- */
/* KiB of a line of /proc/meminfo, -1 without it. */
static long meminfo(const char *name)
{
	char text[8192] = "", *line;
	long n = read_file("/proc/meminfo", text, sizeof(text) - 1);

	line = n > 0 ? strstr(text, name) : NULL;
	return line ? strtol(line + strlen(name), NULL, 10) : -1;
}

static void look_unaccepted(struct outcome *o, const void *of)
{
	long unaccepted = meminfo("\nUnaccepted:"), total = meminfo("MemTotal:");

	(void)of;
	if (unaccepted < 0)
		skip(o, "the kernel does not count it");
	else
		(unaccepted <= total ? pass : fail)(o, "%ld of %ld KiB", unaccepted, total);
}

#define TOUCHED (64l << 20)

static void look_accept(struct outcome *o, const void *of)
{
	long before = meminfo("\nUnaccepted:"), after;
	uint8_t *memory =
	        mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)of;
	if (memory == MAP_FAILED) {
		skip(o, "no 64 MiB to touch: %s", errno_name(errno));
		return;
	}
	for (long at = 0; at < TOUCHED; at += 4096) {
		if (memory[at] != 0) {
			fail(o, "fresh memory is not 0");
			return;
		}
		memory[at] = 1;
	}
	after = meminfo("\nUnaccepted:");
	if (before >= 0 && after > before)
		fail(o, "unaccepted memory grew from %ld to %ld KiB", before, after);
	else
		pass(o, "64 MiB; %ld KiB unaccepted before, %ld after", before, after);
}

/* ---- what the kernel says ---- */
static void look_flag(struct outcome *o, const void *of)
{
	static char text[1 << 16];
	long n = read_file("/proc/cpuinfo", text, sizeof(text) - 1);
	char *flags = n > 0 ? strstr(text, "\nflags") : NULL;
	const char *wanted = of;
	size_t size = strlen(wanted);

	if (!flags) {
		skip(o, "/proc/cpuinfo tells no flags");
		return;
	}
	flags[1 + strcspn(flags + 1, "\n")] = '\0';
	for (char *p = strtok(flags, " \t:"); p; p = strtok(NULL, " \t:")) {
		if (strncmp(p, wanted, size + 1) == 0) {
			pass(o, "it is among the flags");
			return;
		}
	}
	fail(o, "it is not among the flags");
}

/* Lines of the kernel's log, for people: what a row can be judged by is no log. */
static void look_log(struct outcome *o, const void *of)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192], *found = NULL;
	ssize_t n;

	(void)of;
	if (fd < 0) {
		skip(o, "/dev/kmsg: %s", errno_name(errno));
		return;
	}
	while (!found && ((n = read(fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE)) {
		record[n > 0 ? n : 0] = '\0';
		found = strstr(record, "Memory Encryption Features active:");
	}
	close(fd);
	if (found)
		pass(o, "'%.*s'", (int)strcspn(found, "\n"), found);
	else
		skip(o, "the line is not in the log, or no more");
}

#define MSR(...)                      \
	look_msr, &(const struct msr) \
	{                             \
		__VA_ARGS__           \
	}
#define XFAM_PT      (1 << 8)
#define OF_MSR_READS OF_MSRS "; " OF_KERNEL ", RDMSR/WRMSR Behavior"
static const struct row rows[] = {
        {"kernel-flag", "the kernel knows it runs in a TD: tdx_guest in /proc/cpuinfo",
         "Linux arch/x86/include/asm/cpufeatures.h, X86_FEATURE_TDX_GUEST", look_flag, "tdx_guest"},
        {"kernel-log", "the kernel's log names Intel TDX", "Linux arch/x86/mm/mem_encrypt.c",
         look_log, NULL},
        {"msr-tsc", "MSR 0x10 is the TSC", OF_MSR_READS, look_msr_tsc, NULL},
        {"msr-apicbase", "MSR 0x1b (APIC_BASE) can be read: #VE, and the VMM's answer",
         "Linux arch/x86/kvm/vmx/tdx.c, tdx_has_emulated_msr(); " OF_KERNEL
         ", RDMSR/WRMSR Behavior",
         MSR(.number = 0x1b, .works = true)},
        {"msr-spec-ctrl", "MSR 0x48 (SPEC_CTRL) can be read", OF_MSR_READS,
         MSR(.number = 0x48, .works = true)},
        {"msr-sysenter", "MSR 0x174 (SYSENTER_CS) can be read", OF_MSR_READS,
         MSR(.number = 0x174, .works = true)},
        {"msr-pat", "MSR 0x277 (PAT) can be read", OF_MSR_READS,
         MSR(.number = 0x277, .works = true)},
        {"msr-efer", "MSR 0xc0000080 (EFER) can be read", OF_MSR_READS,
         MSR(.number = 0xc0000080, .works = true)},
        {"msr-pmc", "MSR 0xc1 (PMC0) is #GP without PERFMON", OF_MSR_READS,
         MSR(.number = 0xc1, .attributes = TDX_ATTR_PERFMON)},
        {"msr-sgx", "MSR 0x8c (SGXLEPUBKEYHASH0) is #GP", OF_MSR_READS, MSR(.number = 0x8c)},
        {"msr-smm", "MSR 0x9e (SMBASE) is #GP", OF_MSR_READS, MSR(.number = 0x9e)},
        {"msr-rtit", "MSR 0x570 (RTIT_CTL) is #GP without PT", OF_MSR_READS,
         MSR(.number = 0x570, .xfam = XFAM_PT)},
        {"msr-x2apic", "MSR 0x840, reserved of the x2APIC, is #GP", OF_MSR_READS,
         MSR(.number = 0x840)},
        {"port-kernel", "the kernel handles #VE of its own port I/O",
         OF_KERNEL ", Linux #VE handler", look_port, NULL},
        {"mmio-program", "device memory mapped into a program is #VE, which ends it",
         OF_KERNEL ", MMIO handling; Linux arch/x86/coco/tdx/tdx.c, virt_exception_user()",
         look_mmio, NULL},
        {"memory-unaccepted", "unaccepted memory is counted, and no more than there is",
         "Linux mm/page_alloc.c, unaccepted memory; UEFI 2.10, EfiUnacceptedMemoryType",
         look_unaccepted, NULL},
        {"memory-accept", "memory is accepted before a program gets it, and is 0",
         OF_KERNEL ", #VE on Private Pages", look_accept, NULL},
};
const struct rows rows_kernel = {rows, COUNTED(rows)};
