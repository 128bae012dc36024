/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/channel.h"
#include "agent/report.h"
#include "agent/visit.h"

/*
 * The probes: each looks at one thing and reports what it found, with the errno of what failed.
 * They run in a process of their own (guard.h) and send nothing themselves. One that has not ended
 * by its deadline is cut off, and the frame says so: that tells of a slow machine, or of a kernel
 * that hangs, and of nothing else.
 */

/* FACT objects, without "probe". */
json_t *probe_cpu(void *unused);
json_t *probe_devices(void *unused);
json_t *probe_kvm(void *unused);
json_t *probe_tsm(void *unused);
json_t *probe_af_alg(void *unused);
json_t *probe_confinement(void *unused);
json_t *probe_dmesg(void *unused);
json_t *probe_isolation(void *unused);
json_t *probe_syscalls(void *unused);
json_t *probe_reach(void *unused);
json_t *probe_entry(void *unused);
json_t *probe_cost(void *unused);
json_t *probe_modules(void *unused);

/* The whole kernel log. -errno when it can't be read; the caller frees it. */
int probe_kernel_log(char **ret, size_t *ret_size);

/* The value of "Name:\tvalue" in the text of a /proc/PID/status, or NULL; the caller frees it. */
char *probe_status_value(const char *status, const char *name);

/* Probes this layer: sends all FACT, DMESG, BLOB and REPORT frames of a visit. */
int probe_layer(struct channel *c, const struct visit_layer *layer);

/* Bits of CPUID that more than one probe needs. */
struct cpu_bits {
	bool vmx, svm;
	char vendor[13];
};
void probe_cpu_bits(struct cpu_bits *ret);
