/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/isolation.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/enum.h"
#include "core/escape.h"
#include "format/bytes.h"
#include "judge/frames.h"

const char *const relation_names[3] = {"unknown", "shared", "own"};
const char *const layer_ns_names[NS_COUNT] = {"cgroup", "ipc",  "mnt",  "net",
                                              "pid",    "time", "user", "uts"};
const char *const call_state_names[CALL_STATES] = {"untried", "filtered", "refused", "unclear",
                                                   "permitted"};

const char *const call_names[CALLS_MAX] = {
        "mount",
        "fsopen",
        "pivot_root",
        "chroot",
        "unshare-mount",
        "unshare-user",
        "clone3-user",
        "setns",
        "sethostname",
        "ptrace",
        "keyctl",
        "add_key",
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "io_uring_setup",
        "open_by_handle_at",
        "init_module",
        "finit_module",
        "delete_module",
        "kexec_load",
        "reboot",
        "settimeofday",
        "swapon",
        "acct",
        "quotactl",
        "iopl",
        "syslog",
        "socket-vsock",
        "socket-alg",
        "socket-packet",
        "socket-netlink",
};

/*
 * The errno with which the agent's harmless arguments end once every permission check has been
 * passed (probe_syscalls.c), beside success. In Linux 6.12 these come after the checks.
 */
static const struct {
	const char *name;
	int passed;
} passed_errnos[] = {
        {"mount", EINVAL},
        {"fsopen", EFAULT},
        {"pivot_root", EFAULT},
        {"sethostname", EINVAL},
        {"keyctl", ENOKEY},
        {"io_uring_setup", EFAULT},
        {"init_module", ENOEXEC},
        {"finit_module", EBADF},
        {"delete_module", EFAULT},
        {"kexec_load", EINVAL},
        {"open_by_handle_at", EFAULT},
        {"reboot", EINVAL},
        {"swapon", ENOENT},
        {"acct", ENOENT},
};

/* ---- the kernel and its namespaces ---- */
/*
 * A kernel of its own was not up before the layer was started; the one below was, for as long as
 * it says. Between the two lies half of that, for clocks that drift.
 */
static enum relation kernel_by_uptime(const struct layer_evidence *l)
{
	if (l->uptime_ms < 0 || l->ready_ms < 0 || l->below_uptime_ms <= 0)
		return RELATION_UNKNOWN;
	return l->uptime_ms - l->ready_ms > l->below_uptime_ms / 2 ? RELATION_SHARED : RELATION_OWN;
}

/* One boot ID is one kernel; two of them may be, for LXC and nspawn give each container its own. */
static enum relation kernel_relation(const struct layer_evidence *l,
                                     const struct layer_evidence *below)
{
	if (!below || l->tiny) /* a machine of its own: the harness or the layer below booted it */
		return RELATION_OWN;
	if (l->boot_id[0] && strcmp(l->boot_id, below->boot_id) == 0)
		return RELATION_SHARED;
	if (l->kernel[0] && below->kernel[0] && strcmp(l->kernel, below->kernel) != 0)
		return RELATION_OWN;
	return kernel_by_uptime(l);
}

/* Numbers of namespaces mean something under one kernel only: its first ones are fixed numbers. */
static void namespaces(const struct layer_evidence *l, const struct layer_evidence *below,
                       struct isolation *i)
{
	const json_t *ours = json_object_get(l->isolation, "namespaces");
	const json_t *theirs = below ? json_object_get(below->isolation, "namespaces") : NULL;

	for (int n = 0; n < NS_COUNT && i->kernel != RELATION_OWN; n++) {
		json_int_t a = member_integer(ours, layer_ns_names[n], 0);
		json_int_t b = member_integer(theirs, layer_ns_names[n], 0);

		if (a > 0 && b > 0)
			i->ns[n] = a == b ? RELATION_SHARED : RELATION_OWN;
	}
}

/*
 * What uid 0 is outside, of lines "inside outside count". A map speaks of the user namespace around
 * the layer's own; in one and the same namespace, uid 0 is uid 0.
 */
static int64_t outer_uid0(const struct layer_evidence *l, const struct isolation *i)
{
	const char *line = member_text(l->isolation, "uid_map");

	if (i->kernel == RELATION_OWN)
		return -1;
	if (i->ns[NS_USER] == RELATION_SHARED)
		return 0;
	while (line && *line) {
		uint32_t inside, outside, count;

		if (sscanf(line, "%" SCNu32 " %" SCNu32 " %" SCNu32, &inside, &outside, &count) ==
		            3 &&
		    inside == 0 && count > 0)
			return outside;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return -1;
}

static void confinement(const struct layer_evidence *l, struct isolation *i)
{
	const char *text = member_text(json_object_get(l->isolation, "capabilities"), "CapEff");
	char *end = NULL;

	i->capabilities = text ? strtoull(text, &end, 16) : 0;
	i->has_capabilities = text && end != text && *end == '\0';
	i->seccomp = (int)member_integer(l->confinement, "seccomp", -1);
	i->no_new_privs = (int)member_integer(l->confinement, "no_new_privs", -1);
	text_escape(i->lsm, sizeof(i->lsm), member_text(l->confinement, "apparmor"));
}

/* ---- system calls ---- */
#define SIGNALLED (-100) /* minus the signal: the process that tried it was killed */

static bool is_filter_errno(json_int_t e)
{
	return e == EPERM || e == ENOSYS || e <= SIGNALLED;
}

static bool is_passed(const char *name, json_int_t use)
{
	for (size_t i = 0; i < COUNT_OF(passed_errnos); i++) {
		if (strcmp(passed_errnos[i].name, name) == 0 && passed_errnos[i].passed == use)
			return true;
	}
	return use == 0;
}

/* `reach` and `use`: 0, an errno, or < 0: -1 not tried, -2 not ended in time, -100 - signal. */
static enum call_state call_state(const char *name, json_int_t reach, json_int_t use, int seccomp)
{
	if (is_passed(name, use))
		return CALL_PERMITTED;
	if (reach == -1 && use == -1)
		return CALL_UNTRIED;
	if (reach >= 0 && !is_filter_errno(reach)) /* past any filter that does not look further */
		return CALL_REFUSED;
	if (use > 0 && !is_filter_errno(use))
		return CALL_REFUSED;
	if (seccomp == 0)
		return CALL_REFUSED;
	if (is_filter_errno(reach) || use <= SIGNALLED)
		return CALL_FILTERED;
	return CALL_UNCLEAR;
}

static void calls(const struct layer_evidence *l, struct isolation *i)
{
	const json_t *list = json_object_get(l->syscalls, "calls");

	for (size_t k = 0; k < json_array_size(list); k++) {
		const json_t *call = json_array_get(list, k);
		const char *name = member_text(call, "call");
		int index = name ? ENUM_FIND(call_names, name) : -1;

		if (index >= 0 && i->call[index] == CALL_UNTRIED)
			i->call[index] = call_state(name, member_integer(call, "reach", -1),
			                            member_integer(call, "use", -1), i->seccomp);
	}
}

void isolation_judge(const struct layer_evidence *l, const struct layer_evidence *below,
                     struct isolation *ret)
{
	*ret = (struct isolation){.uid0 = -1, .seccomp = -1, .no_new_privs = -1};
	ret->kernel = kernel_relation(l, below);
	snprintf(ret->release, sizeof(ret->release), "%s", l->kernel);
	if (l->tiny)
		return;
	ret->probed = l->isolation || l->syscalls || l->reach || l->entry;
	namespaces(l, below, ret);
	ret->uid0 = outer_uid0(l, ret);
	confinement(l, ret);
	calls(l, ret);
	findings_make(l, !below, ret);
}

/* ---- cost ---- */
static double sane(double value)
{
	return isfinite(value) && value >= 0 && value < 1e12 ? value : -1;
}

void cost_judge(const struct layer_evidence *l, double boot_seconds, bool timed,
                struct layer_cost *ret)
{
	*ret = (struct layer_cost){-1, -1, -1, -1, -1, -1};
	if (timed) {
		ret->prepare_ms = sane(l->prepare_ms);
		ret->ready_ms = sane(l->ready_ms);
		ret->syscall_ns = sane(member_number(l->cost, "syscall_ns", -1));
		ret->fault_ns = sane(member_number(l->cost, "fault_ns", -1));
	}
	if (boot_seconds >= 0) /* by the host's clock */
		ret->ready_ms = sane(boot_seconds * 1000);
	ret->memory_kib = sane(l->memory_kib);
	ret->disk_kib = sane(l->disk_kib);
}
