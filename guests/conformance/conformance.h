/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/tdreport.h"

/*
 * What a program in a trust domain may rely on, one row each. A row looks in a process of its own,
 * so that it may die of what it tries. It passes, fails, or is skipped where the machine, the
 * kernel or the TD's configuration has nothing to look at; `saw` is what it found, or why.
 */
enum state { STATE_PASS, STATE_FAIL, STATE_SKIP, STATE_TIMEOUT, STATE_COUNT };

struct outcome {
	enum state state;
	char saw[400]; /* printable ASCII */
};

struct row {
	const char *name;   /* "group-what": stays the same from version to version */
	const char *says;   /* what may be relied on */
	const char *source; /* where that is written */
	void (*look)(struct outcome *o, const void *of);
	const void *of; /* the row's own data, or NULL */
};

struct rows {
	const struct row *row;
	size_t count;
};
extern const struct rows rows_cpu, rows_instruction, rows_report, rows_quote, rows_measured,
        rows_kernel;
extern const struct rows rows_extend; /* changes RTMR2 and RTMR3 for good: only when asked for */

void pass(struct outcome *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void fail(struct outcome *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void skip(struct outcome *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- what more than one group needs ---- */
bool is_trust_domain(void); /* CPUID says so */

/* Reads up to `size` bytes of a file from offset 0: their number, or -errno. */
long read_file(const char *path, void *out, size_t size);
/* One write(2) at an offset: the bytes written, or -errno. */
long write_file(const char *path, const void *data, size_t size, long offset);
const char *errno_name(long error); /* takes errno or -errno */

/* A TDREPORT by ioctl: 0, or -errno. REPORTDATA has this byte throughout. */
int get_tdreport(uint8_t fill, struct tdreport *ret);
/* Has the outcome skipped, or failed, and is false when there is none. */
bool have_tdreport(struct outcome *o, uint8_t fill, struct tdreport *ret);

/* The signal that ends a process that calls `f`, 0 if none does, -1 if it could not be tried. */
int signal_of(void (*f)(const void *of), const void *of);

#define TDX_NODE       "/dev/tdx_guest"
#define MEASUREMENTS   "/sys/devices/virtual/misc/tdx_guest/measurements"
#define COUNTED(array) (sizeof(array) / sizeof((array)[0]))

/* Sources that many rows have. */
#define OF_CPUID  "Intel TDX module 1.5.01, include/auto_gen/cpuid_configurations.c"
#define OF_MSRS   "Intel TDX module 1.5.01, include/auto_gen/msr_config_lookup.c"
#define OF_REPORT "Intel TDX module ABI specification, TDREPORT_STRUCT"
#define OF_KERNEL "Linux Documentation/arch/x86/tdx.rst"
#define OF_TSM    "Linux Documentation/ABI/testing/configfs-tsm"
#define OF_SYSFS  "Linux Documentation/ABI/testing/sysfs-devices-virtual-misc-tdx_guest"
#define OF_DRIVER "Linux include/uapi/linux/tdx-guest.h, drivers/virt/coco/tdx-guest"
