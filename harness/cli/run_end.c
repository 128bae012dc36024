/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_end.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/judged.h"

#define GUEST_OVERHEAD 384 /* MiB: QEMU itself and, for an emulated TD, the module's RAM */

int run_failed(const char *dir, enum report_format format, const struct err *why)
{
	struct err e;

	fprintf(stderr, "tception: the run could not go on: %s\n", why->text);
	return judged_show(dir, format, &e) < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_BROKEN;
}

int run_same_host(const struct run_record *then, const struct host_facts *now, const char *root_pem,
                  struct err *e)
{
	const struct host_facts *h = &then->host;

	if (strcmp(now->qemu_version, h->qemu_version) != 0 ||
	    strcmp(now->kernel, h->kernel) != 0 || strcmp(now->cpu, h->cpu) != 0)
		return err_set(e, -EXDEV,
		               "%s was begun on another host (QEMU %s, Linux %s): run its cells anew",
		               then->dir, h->qemu_version, h->kernel);
	if (root_pem && (!then->root_pem || strcmp(root_pem, then->root_pem) != 0))
		return err_set(e, -EXDEV,
		               "%s was begun with another test root: name its folder by --state-dir, "
		               "or run its cells anew",
		               then->dir);
	return 0;
}

bool run_plan_needs(const struct plan *p, enum platform platform)
{
	for (size_t i = 0; i < p->boots; i++) {
		if (p->boot[i].platform == platform)
			return true;
	}
	return false;
}

void run_announce_platform(const struct plan *plan, const struct host_facts *host,
                           enum platform asked)
{
	const char *reason = host->tdx_reason;

	if (run_plan_needs(plan, PLATFORM_EMULATED))
		fprintf(stderr, "tception: td: EMULATED trust domains (%s)\n",
		        asked == PLATFORM_EMULATED ? "--platform emulated" : reason);
	else if (run_plan_needs(plan, PLATFORM_HARDWARE))
		fprintf(stderr, "tception: td: hardware trust domains (%s)\n", reason);
}

static bool boots_vms(const struct plan *plan)
{
	for (size_t i = 0; i < plan->boots; i++) {
		const struct boot *b = &plan->boot[i];

		if (b->platform == PLATFORM_NONE && !b->layer0.kind->found)
			return true;
	}
	return false;
}

void run_announce(const struct plan *plan, const struct host_facts *host, enum platform asked,
                  const char *dir, size_t cells)
{
	fprintf(stderr, "tception: %zu cells in %zu boots, QEMU %s, evidence in %s\n", cells,
	        plan->boots, host->qemu_version, dir);
	if (host->limits[0])
		fprintf(stderr, "tception: a control group leaves %s\n", host->limits);
	run_announce_platform(plan, host, asked);
	if (boots_vms(plan))
		fprintf(stderr, "tception: vm: -accel %s (%s)\n",
		        host->kvm_usable ? "kvm" : "tcg", host->kvm_reason);
}

/* As many side by side as were asked for; else two, if CPUs and memory allow it. */
unsigned run_jobs(const struct plan *plan, const struct host_facts *host, unsigned asked)
{
	unsigned jobs = host->cpus < 2 ? 1 : 2;
	uint64_t largest = 0;

	if (asked)
		return asked;
	for (size_t i = 0; i < plan->boots; i++) {
		if (plan->boot[i].memory_mib > largest)
			largest = plan->boot[i].memory_mib;
	}
	while (jobs > 1 && host->memory_mib &&
	       jobs * (largest + GUEST_OVERHEAD) > host->memory_mib)
		jobs--;
	return jobs;
}
