/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "case/cell.h"

/*
 * What holds a layer in, what it could reach of the layers below, who could get into it, and what
 * it costs. Texts are printable ASCII: what a guest wrote was escaped on the way in.
 */
#define FINDINGS_MAX       40
#define FINDING_DETAIL_MAX 240 /* bytes, with the NUL */

/* Of a layer and the one below it. */
enum relation { RELATION_UNKNOWN, RELATION_SHARED, RELATION_OWN };
extern const char *const relation_names[3]; /* "unknown", "shared", "own" */

enum layer_ns { NS_CGROUP, NS_IPC, NS_MNT, NS_NET, NS_PID, NS_TIME, NS_USER, NS_UTS, NS_COUNT };
extern const char *const layer_ns_names[NS_COUNT]; /* "cgroup", "ipc" ... */

/* How far a system call got. */
enum call_state {
	CALL_UNTRIED,
	CALL_FILTERED,  /* something in front of the kernel's own code refused it: seccomp */
	CALL_REFUSED,   /* the kernel's own code, or an LSM, refused it */
	CALL_UNCLEAR,   /* EPERM or ENOSYS under a filter, and no way to tell whose */
	CALL_PERMITTED, /* it passed every permission check */
};
#define CALL_STATES 5
extern const char *const call_state_names[CALL_STATES];

#define CALLS_MAX 40
extern const char *const call_names[CALLS_MAX]; /* NULL behind the last */

struct finding {
	char name[LAYER_WORD_MAX]; /* of a fixed set: results/README.md */
	char detail[FINDING_DETAIL_MAX];
};

struct isolation {
	bool probed; /* the layer sent its facts */
	enum relation kernel;
	char release[80];           /* of its kernel, or "" */
	enum relation ns[NS_COUNT]; /* unknown under a kernel of its own: then there is nothing to
	                               share */
	int64_t uid0; /* what its uid 0 is in the layer below; -1: nothing, or not known */
	bool has_capabilities;
	uint64_t capabilities;     /* effective */
	int seccomp, no_new_privs; /* as /proc/self/status has them; -1: not known */
	char lsm[80];              /* its label; "" without */
	enum call_state call[CALLS_MAX];
	struct finding *finding; /* heap; at most FINDINGS_MAX */
	size_t findings;
	bool short_of_memory; /* some are missing */
};

/* One more, all zero; NULL where there are FINDINGS_MAX, or no memory is left. */
struct finding *isolation_add(struct isolation *i);
int isolation_copy(struct isolation *to, const struct isolation *from); /* -ENOMEM */
void isolation_done(struct isolation *i);

/* All < 0 where not measured. Under TCG they compare layers with each other and nothing else. */
struct layer_cost {
	double prepare_ms; /* to make it ready: daemon, image */
	double ready_ms;   /* from its start to its agent's first byte; layer 0: the boot */
	double syscall_ns, fault_ns; /* a getppid, a first touch of a page: medians */
	double memory_kib, disk_kib; /* held at most, as the layer below saw it */
};
