/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * What a TDX host needs, each with what was found and the one thing to do, in the order in which
 * one thing needs the other: CPU, kernel, its command line, BIOS, TDX module, kvm_intel, KeyIDs,
 * SGX, quoting service. Sources: Linux Documentation/arch/x86/tdx.rst and arch/x86/virt/vmx/tdx,
 * Intel's TDX enabling guide, canonical/tdx README and system-report.sh.
 *
 * Everything is read below `sysroot` ("" is this machine): proc/cpuinfo, proc/cmdline,
 * proc/sys/kernel/osrelease, sys/module/kvm_intel/parameters/tdx, sys/fs/cgroup/misc.capacity and
 * misc.current, sys/class/dmi/id/bios_*, dev/sgx_*, etc/qgs.conf. Of a recorded host, `dmesg`
 * holds the kernel's lines and `msr` one "NUMBER VALUE" in hex a line; of this one they come from
 * syslog(2) and dev/cpu/0/msr.
 */
enum host_state {
	HOST_GOOD,
	HOST_BAD,
	HOST_UNKNOWN, /* could not be read: `found` says why */
	HOST_NOTE,    /* a fact, neither good nor bad */
};
extern const char *const host_state_names[4]; /* "yes", "no", "unknown", "note" */

struct host_check {
	const char *what; /* "tdx module", a word or two, stable */
	enum host_state state;
	bool needed;        /* no trust domain, or no quote, without it */
	char found[256];    /* one line, printable */
	const char *remedy; /* NULL unless bad */
};
#define HOST_CHECKS_MAX 24

struct host_checks {
	struct host_check item[HOST_CHECKS_MAX];
	size_t count;
};

void host_check(const char *sysroot, struct host_checks *ret);

/* The first that is needed and bad, which those after it may hang on; or NULL. */
const struct host_check *host_checks_first_bad(const struct host_checks *c);
