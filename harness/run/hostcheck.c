/* SPDX-License-Identifier: Apache-2.0 */
#include "run/hostcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/escape.h"
#include "core/file.h"
#include "format/bytes.h"
#include "run/keyids.h"
#include "run/klog.h"

#define TEXT_MAX        (16u << 20) /* of a file that is looked at */
#define KERNEL_LINE_MAX 200

const char *const host_state_names[4] = {"yes", "no", "unknown", "note"};

struct host {
	const char *sysroot;
	struct host_checks *checks;
	char cpuinfo[16384]; /* the first processor, and others as far as there is room */
	struct bytes kernel_lines;
	char lines_error[128]; /* why there are none */
};

/* ---- reading ---- */

/* The beginning of a file of /proc or /sys, which have no size; false with errno. */
static bool read_file(const struct host *h, const char *name, char *out, size_t size)
{
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", h->sysroot, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	n = fd < 0 ? -1 : read(fd, out, size - 1);
	out[n < 0 ? 0 : n] = '\0';
	return n >= 0;
}

static bool read_line(const struct host *h, const char *name, char *out, size_t size)
{
	bool ok = read_file(h, name, out, size);

	out[strcspn(out, "\n")] = '\0';
	return ok;
}

/* The last line with `text`, without what stands before it. */
static bool kernel_line(const struct host *h, const char *text, char out[KERNEL_LINE_MAX])
{
	const char *at = (const char *)h->kernel_lines.data, *last = NULL;

	while (at && (at = strstr(at, text)))
		last = at++;
	if (last)
		snprintf(out, KERNEL_LINE_MAX, "%.*s", (int)strcspn(last, "\n"), last);
	return last != NULL;
}

/* "flags : fpu vme" -> "fpu vme" */
static bool cpu_field(const struct host *h, const char *name, char *out, size_t size)
{
	const char *at = h->cpuinfo;
	const size_t length = strlen(name);

	for (; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		const char *colon = at + strcspn(at, ":\n");

		if (strncmp(at, name, length) != 0 || *colon != ':' ||
		    strspn(at + length, " \t") != (size_t)(colon - at) - length)
			continue;
		colon += 1 + strspn(colon + 1, " ");
		snprintf(out, size, "%.*s", (int)strcspn(colon, "\n"), colon);
		return true;
	}
	return false;
}

static bool has_word(const char *list, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += length) {
		if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	}
	return false;
}

/* ---- findings ---- */

__attribute__((format(printf, 6, 7))) static void add(struct host *h, const char *what,
                                                      enum host_state state, bool needed,
                                                      const char *remedy, const char *fmt, ...)
{
	struct host_check *c = &h->checks->item[h->checks->count];
	char text[sizeof(c->found)];
	va_list ap;

	if (h->checks->count == HOST_CHECKS_MAX)
		return;
	h->checks->count++;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*c = (struct host_check){.what = what, .state = state, .needed = needed};
	c->remedy = state == HOST_BAD ? remedy : NULL;
	text_escape(c->found, sizeof(c->found), text);
}

/* ---- CPU and kernel ---- */

static void check_cpu(struct host *h)
{
	static const unsigned models[] = {143, 173, 174, 175, 207}; /* SPR GNR GNR-D SRF EMR */
	char vendor[32] = "", name[96] = "", model[16] = "", microcode[32] = "";
	unsigned number = 0;
	bool known = false;

	if (!cpu_field(h, "vendor_id", vendor, sizeof(vendor))) {
		add(h, "host cpu", HOST_UNKNOWN, true, NULL, "no vendor_id in proc/cpuinfo");
		return;
	}
	cpu_field(h, "model name", name, sizeof(name));
	cpu_field(h, "model", model, sizeof(model));
	cpu_field(h, "microcode", microcode, sizeof(microcode));
	sscanf(model, "%u", &number);
	for (size_t i = 0; i < COUNT_OF(models); i++)
		known |= number == models[i];
	if (strcmp(vendor, "GenuineIntel") != 0)
		add(h, "host cpu", HOST_BAD, true, "TDX is Intel's: another machine", "%s: %s",
		    vendor, name);
	else if (!known)
		add(h, "host cpu", HOST_BAD, false,
		    "Xeons of the 4th generation (some), the 5th and the 6th have TDX",
		    "model %u is none that is known to have TDX: %s", number, name);
	else
		add(h, "host cpu", HOST_GOOD, true, NULL, "%s, model %u", name, number);
	if (microcode[0])
		add(h, "microcode", HOST_NOTE, false, NULL, "%s", microcode);
}

static void check_kernel(struct host *h)
{
	char release[128];
	unsigned major = 0, minor = 0;

	if (!read_line(h, "proc/sys/kernel/osrelease", release, sizeof(release)) ||
	    sscanf(release, "%u.%u", &major, &minor) != 2)
		add(h, "host kernel", HOST_UNKNOWN, true, NULL, "proc/sys/kernel/osrelease: %s",
		    strerror(errno));
	else if (major < 6 || (major == 6 && minor < 16))
		add(h, "host kernel", HOST_BAD, true,
		    "Linux 6.16 or newer with CONFIG_INTEL_TDX_HOST and KVM_INTEL_TDX; older "
		    "kernels "
		    "with TDX have an interface of their own that QEMU 10.1 does not speak",
		    "Linux %s", release);
	else
		add(h, "host kernel", HOST_GOOD, true, NULL, "Linux %s", release);
}

static void check_bios_version(struct host *h)
{
	char version[64], date[32] = "";

	if (!read_line(h, "sys/class/dmi/id/bios_version", version, sizeof(version)))
		return;
	read_line(h, "sys/class/dmi/id/bios_date", date, sizeof(date));
	add(h, "bios", HOST_NOTE, false, NULL, "%s of %s", version, date);
}

/* ---- MSRs ---- */

/* Intel SDM volume 4 and the TDX enabling guide: a bit, and what it must be. */
static const struct msr_rule {
	uint32_t msr;
	const char *what, *good, *bad, *remedy;
	uint64_t mask;
	bool set; /* wanted: any bit of the mask set, or none */
} msr_rules[] = {
        {0x982, "tme", "memory encryption is on (IA32_TME_ACTIVATE)",
         "memory encryption is off (IA32_TME_ACTIVATE)",
         "BIOS: enable Total Memory Encryption and its multi-tenant form (TME-MT)", 2, true},
        {0x87, "keyids in bios", "private KeyIDs (IA32_MKTME_KEYID_PARTITIONING)",
         "no private KeyIDs (IA32_MKTME_KEYID_PARTITIONING)", "BIOS: TME-MT/TDX key split above 0",
         0xffffffffull << 32, true},
        {0x1401, "seamrr", "SEAM range is enabled and locked (IA32_SEAMRR_PHYS_MASK)",
         "SEAM range is not enabled (IA32_SEAMRR_PHYS_MASK)",
         "BIOS: enable TDX and its SEAM loader, Limit CPU PA to 46 bits off", 0x800, true},
        {0xa0, "mcheck", "MCHECK passed", "MCHECK failed: SGX and TDX stay off",
         "BIOS: memory population and settings as the vendor's TDX guide has them; SGX factory "
         "reset",
         ~0ull, false},
        {0xce, "production", "a production part", "not a production part (MSR 0xce bit 27)",
         "its quotes have another root than Intel's production one", 1 << 27, false},
};

static bool read_msr(const struct host *h, uint32_t msr, uint64_t *ret)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(bytes_free) struct bytes recorded = {0};
	const char *at;
	char path[PATH_MAX];

	if (!*h->sysroot) {
		fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
		return fd >= 0 && pread(fd, ret, sizeof(*ret), (off_t)msr) == sizeof(*ret);
	}
	snprintf(path, sizeof(path), "%s/msr", h->sysroot);
	if (file_read(path, TEXT_MAX, &recorded, &(struct err){0}) < 0) {
		recorded = (struct bytes){0};
		errno = ENOENT;
		return false;
	}
	for (at = (const char *)recorded.data; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		uint32_t number;

		if (sscanf(at, "%" SCNx32 " %" SCNx64, &number, ret) == 2 && number == msr)
			return true;
	}
	errno = EIO; /* what reading an MSR that is not there gives */
	return false;
}

static void check_msrs(struct host *h)
{
	for (size_t i = 0; i < COUNT_OF(msr_rules); i++) {
		const struct msr_rule *m = &msr_rules[i];
		uint64_t value = 0;

		if (!read_msr(h, m->msr, &value)) {
			if (i == 0 || errno == EIO)
				add(h, m->what, HOST_UNKNOWN, false, NULL, "MSR %#x: %s%s", m->msr,
				    strerror(errno), errno == ENOENT ? " (modprobe msr)" : "");
			if (errno != EIO)
				return; /* the same for all */
			continue;
		}
		if (((value & m->mask) != 0) == m->set)
			add(h, m->what, HOST_GOOD, false, NULL, "%s", m->good);
		else
			add(h, m->what, HOST_BAD, false, m->remedy, "%s: %#" PRIx64, m->bad, value);
	}
}

/* ---- what the kernel said ---- */

/* arch/x86/virt/vmx/tdx/tdx.c and arch/x86/kvm/vmx/tdx.c, also of the trees before 6.16. */
static const struct line_rule {
	const char *text, *remedy;
} line_rules[] = {
        {"virt/tdx: module not loaded",
         "BIOS: enable TDX and its SEAM loader; or put a TDX module on the EFI partition"},
        {"initialization failed: Hibernation support is enabled",
         "add nohibernate to the kernel's command line"},
        {"too few private KeyIDs", "BIOS: more KeyIDs for TDX"},
        {"frame pointer (RBP) clobber bug present", "update the TDX module"},
        {"virt/tdx: module initialization failed (-28)",
         "not enough contiguous memory for the module's metadata: reboot, initialise it early"},
        {"virt/tdx: module initialization failed",
         "update BIOS and TDX module; the SEAMCALL's status is in the kernel's log"},
        {"virt/tdx: SEAMCALL", "update BIOS and TDX module"},
        {"EPT is required for TDX", "load kvm_intel with ept=1"},
        {"TDP MMU and MMIO caching and EPT A/D bit",
         "load kvm with tdp_mmu=1 mmio_caching=1 and kvm_intel with eptad=1"},
        {"MOVDIR64B is required for TDX", "another CPU: this one lacks MOVDIR64B"},
        {"no TDX private KeyIDs available", "BIOS: more KeyIDs for TDX; end other trust domains"},
        {"tdx requires kvm.enable_virt_at_load=1", "load kvm with enable_virt_at_load=1"},
};

static void check_module(struct host *h)
{
	char line[KERNEL_LINE_MAX];

	if (!h->kernel_lines.data) {
		add(h, "tdx module", HOST_UNKNOWN, false, NULL, "%s", h->lines_error);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(line_rules); i++) {
		if (kernel_line(h, line_rules[i].text, line)) {
			add(h, "tdx module", HOST_BAD, true, line_rules[i].remedy, "%s", line);
			return;
		}
	}
	if (kernel_line(h, "virt/tdx: module initialized", line) ||
	    kernel_line(h, "virt/tdx: TDX module initialized", line))
		add(h, "tdx module", HOST_GOOD, true, NULL, "%s", line);
	else if (kernel_line(h, "virt/tdx: BIOS enabled", line))
		add(h, "tdx module", HOST_BAD, true,
		    "load kvm_intel with tdx=1: it is kvm_intel that initialises the module",
		    "not initialized; %s", line);
	else
		add(h, "tdx module", HOST_UNKNOWN, true, NULL,
		    "the kernel's log has no line of virt/tdx: BIOS or kernel without TDX, or the "
		    "log has been overwritten");
	if (kernel_line(h, "TDX module: attributes", line) || kernel_line(h, "TDX module ", line))
		add(h, "module version", HOST_NOTE, false, NULL, "%s", line);
}

/* ---- kvm_intel, KeyIDs ---- */

static void check_kvm_intel(struct host *h)
{
	char value[8], cmdline[2048] = "", flags[8192] = "";

	read_line(h, "proc/cmdline", cmdline, sizeof(cmdline));
	if (!cpu_field(h, "flags", flags, sizeof(flags)))
		add(h, "tdx_host_platform", HOST_UNKNOWN, true, NULL, "no flags in proc/cpuinfo");
	else if (has_word(flags, "tdx_host_platform"))
		add(h, "tdx_host_platform", HOST_GOOD, true, NULL,
		    "the kernel found TDX in BIOS and CPU");
	else
		add(h, "tdx_host_platform", HOST_BAD, true,
		    "BIOS: enable TME-MT, SGX, TDX and its SEAM loader; a kernel with "
		    "CONFIG_INTEL_TDX_HOST",
		    "the CPU's flags have no tdx_host_platform");
	if (!read_line(h, "sys/module/kvm_intel/parameters/tdx", value, sizeof(value)))
		add(h, "kvm_intel.tdx", HOST_BAD, true,
		    "modprobe kvm_intel tdx=1, of a kernel with CONFIG_KVM_INTEL_TDX",
		    "sys/module/kvm_intel/parameters/tdx: %s", strerror(errno));
	else if (value[0] != 'Y' && value[0] != '1')
		add(h, "kvm_intel.tdx", HOST_BAD, true,
		    "add kvm_intel.tdx=1 to the kernel's command line", "%s; command line: %s",
		    value, strstr(cmdline, "kvm_intel.tdx") ? "has it" : "no kvm_intel.tdx=1");
	else
		add(h, "kvm_intel.tdx", HOST_GOOD, true, NULL, "%s", value);
	if (cmdline[0])
		add(h, "command line", HOST_NOTE, false, NULL, "%s", cmdline);
}

static void check_keyids(struct host *h)
{
	unsigned long all, used = 0;

	if (!keyids_read(h->sysroot, &all, &used)) {
		add(h, "keyids", HOST_UNKNOWN, false, NULL,
		    "sys/fs/cgroup/misc.capacity and misc.current do not both tell of tdx");
		return;
	}
	add(h, "keyids", used < all ? HOST_GOOD : HOST_BAD, true, "end other trust domains",
	    "%lu of %lu in use: one a trust domain", used, all);
}

/* ---- SGX and quoting ---- */

static void check_sgx(struct host *h)
{
	static const char *const nodes[] = {"dev/sgx_enclave", "dev/sgx_provision"};
	char path[PATH_MAX];

	for (size_t i = 0; i < COUNT_OF(nodes); i++) {
		snprintf(path, sizeof(path), "%s/%s", h->sysroot, nodes[i]);
		if (access(path, F_OK) < 0) {
			add(h, "sgx", HOST_BAD, false,
			    "BIOS: enable SGX (quotes are signed by an enclave); without it the "
			    "quoting service must be elsewhere",
			    "/%s: %s", nodes[i], strerror(errno));
			return;
		}
	}
	add(h, "sgx", HOST_GOOD, false, NULL, "/dev/sgx_enclave and /dev/sgx_provision");
}

static void check_qgs_conf(struct host *h)
{
	_cleanup_(fclosep) FILE *f = NULL;
	char path[PATH_MAX], line[256];
	unsigned port;

	snprintf(path, sizeof(path), "%s/etc/qgs.conf", h->sysroot);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " port = %u", &port) == 1) {
			add(h, "qgs.conf", HOST_NOTE, false, NULL,
			    "port = %u: it listens on vsock (--qgs-socket vsock:2:%u), not on its "
			    "unix "
			    "socket",
			    port, port);
			return;
		}
	}
	add(h, "qgs.conf", HOST_NOTE, false, NULL, "no port: it listens on its unix socket");
}

void host_check(const char *sysroot, struct host_checks *ret)
{
	struct host h = {.sysroot = sysroot, .checks = ret};

	*ret = (struct host_checks){0};
	read_file(&h, "proc/cpuinfo", h.cpuinfo, sizeof(h.cpuinfo));
	if (klog_read(sysroot, &h.kernel_lines, h.lines_error, sizeof(h.lines_error)) < 0)
		h.kernel_lines = (struct bytes){0};
	check_cpu(&h);
	check_bios_version(&h);
	check_kernel(&h);
	check_msrs(&h);
	check_kvm_intel(&h);
	check_module(&h);
	check_keyids(&h);
	check_sgx(&h);
	check_qgs_conf(&h);
	bytes_free(&h.kernel_lines);
}

const struct host_check *host_checks_first_bad(const struct host_checks *c)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->item[i].needed && c->item[i].state == HOST_BAD)
			return &c->item[i];
	}
	return NULL;
}
