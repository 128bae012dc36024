/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/groups.h"

const char *const guest_kernel_names[KERNEL_COUNT] = {
        [KERNEL_TRIXIE] = "trixie", [KERNEL_BACKPORTS] = "backports", [KERNEL_FORKY] = "forky"};
const char *const guest_image_names[IMAGE_COUNT] = {[IMAGE_FULL] = "full",
                                                    [IMAGE_MINIMAL] = "minimal",
                                                    [IMAGE_EXTRA] = "extra",
                                                    [IMAGE_FORKY] = "forky"};
const char *const platform_names[3] = {
        [PLATFORM_NONE] = "none",
        [PLATFORM_EMULATED] = "emulated",
        [PLATFORM_HARDWARE] = "hardware",
};

#define TCG_VCPUS_MAX 64 /* of the software TDX module, and enough to be slow */

/* One case on its way into a boot. */
struct placement {
	enum platform platform;
	enum guest_kernel kernel;
	enum guest_image image;
	bool kvm;
	unsigned memory_mib, vcpus;
	int boot_deadline_s;
	bool asked;     /* for it by the user */
	char skip[480]; /* the missing host capability, or "" */
};

static void skip(struct placement *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void skip(struct placement *p, const char *fmt, ...)
{
	va_list ap;

	if (p->skip[0]) /* the first reason stands */
		return;
	va_start(ap, fmt);
	vsnprintf(p->skip, sizeof(p->skip), fmt, ap);
	va_end(ap);
}

static void place_td(const struct layer *l, const struct host_facts *host, int wanted,
                     struct placement *p)
{
	if (wanted == PLATFORM_HARDWARE && !host->tdx_usable) {
		p->asked = true;
		skip(p, "no TDX on this host: %s", host->tdx_reason);
		return;
	}
	p->platform = wanted == PLATFORM_HARDWARE || (wanted == PLATFORM_NONE && host->tdx_usable)
	                      ? PLATFORM_HARDWARE
	                      : PLATFORM_EMULATED;
	p->kvm = p->platform == PLATFORM_HARDWARE;
	if (p->kvm && layer_word(l, AXIS_EXITS) == WORD_EXITS_PASSTHROUGH)
		skip(p, "hardware TDs have no @exits=passthrough");
	if (p->kvm && layer_word(l, AXIS_PAGES) == WORD_PAGES_SHARED)
		skip(p, "hardware TDs have no @pages=shared");
	if (p->kvm && layer_said(l, AXIS_QUOTE))
		skip(p, "the host's quoting service chooses the version of its quotes");
	if (p->kvm && layer_word(l, AXIS_ATTRIBUTES) == WORD_ATTRIBUTES_DEBUG)
		skip(p, "QEMU makes no hardware TDs with @attributes=debug");
}

static void place_vm(const struct layer *l, const struct host_facts *host, struct placement *p)
{
	const enum word accel = layer_word(l, AXIS_ACCEL);

	p->platform = PLATFORM_NONE;
	p->kvm = host->kvm_usable && accel != WORD_ACCEL_TCG;
	if (accel == WORD_ACCEL_KVM && !p->kvm)
		skip(p, "no usable KVM on this host: %.120s", host->kvm_reason);
}

static void check_backend(const struct layer *l, const struct host_facts *host, struct placement *p)
{
	const enum word backend = layer_word(l, AXIS_BACKEND);

	if (backend == WORD_ABSENT)
		return;
	if (!p->kvm)
		skip(p, "@backend is for guests that KVM runs: this one's memory is %s",
		     l->kind->trust_domain ? "a file that it shares with the software TDX module"
		                           : "TCG's");
	if (backend == WORD_BACKEND_HUGEPAGES && p->memory_mib > host->hugepages_mib)
		skip(p,
		     "the guest wants %u MiB of huge pages, the host has %llu MiB free: "
		     "sysctl vm.nr_hugepages",
		     p->memory_mib, (unsigned long long)host->hugepages_mib);
}

/* What the platform can't give a cell that asks for this much. */
static void check_size(const struct host_facts *host, struct placement *p)
{
	const unsigned most = p->kvm && host->cpus > TCG_VCPUS_MAX ? host->cpus : TCG_VCPUS_MAX;

	if (p->vcpus > most)
		skip(p, "the guest wants %u processors, of which there are at most %u%s", p->vcpus,
		     most, p->kvm ? " on this host" : " by TCG");
	if (host->memory_mib && p->memory_mib > host->memory_mib)
		skip(p, "the guest wants %u MiB, the host has %llu MiB of memory", p->memory_mib,
		     (unsigned long long)host->memory_mib);
}

static int boot_deadline(const struct plan_options *options)
{
	return options->boot_deadline_s ? options->boot_deadline_s : BOOT_DEADLINE_S;
}

/* Nothing is booted: what there is is what its owner gave it. */
static struct placement place_found(const struct host_facts *host,
                                    const struct plan_options *options)
{
	return (struct placement){
	        .memory_mib = host->memory_mib ? (unsigned)host->memory_mib : 1,
	        .vcpus = host->cpus ? host->cpus : 1,
	        .boot_deadline_s = boot_deadline(options),
	};
}

static struct placement place(const struct test_case *c, const struct host_facts *host,
                              const struct plan_options *options)
{
	const struct layer *l = &c->cell.layer[0];
	struct placement p = {
	        .memory_mib = layer_number(l, AXIS_MEM),
	        .vcpus = layer_number(l, AXIS_VCPUS),
	        .boot_deadline_s = boot_deadline(options),
	};

	if (c->excluded)
		skip(&p, "excluded: %s", c->excluded);
	if (l->kind->found && !c->excluded)
		return place_found(host, options);
	if (l->kind->trust_domain)
		place_td(l, host, options->platform, &p);
	else
		place_vm(l, host, &p);
	p.kernel = (enum guest_kernel)layer_choice(l, AXIS_KERNEL);
	p.image = (enum guest_image)layer_choice(l, AXIS_IMAGE);
	if (layer_word(l, AXIS_RELEASE) == WORD_RELEASE_FORKY) {
		p.kernel = KERNEL_FORKY;
		p.image = IMAGE_FORKY;
	}
	if (options->no_kernel[p.kernel])
		skip(&p, "%s", options->no_kernel[p.kernel]);
	if (options->no_image[p.image])
		skip(&p, "%s", options->no_image[p.image]);
	check_backend(l, host, &p);
	check_size(host, &p);
	return p;
}

/* Grows an array by one zeroed element and returns that, or NULL. */
static void *grow(void **array, size_t *count, size_t size)
{
	char *bigger = realloc(*array, (*count + 1) * size);

	if (!bigger)
		return NULL;
	*array = bigger;
	return memset(bigger + size * (*count)++, 0, size);
}

static int add_skip(struct plan *p, size_t index, const struct placement *where)
{
	struct skip *s = grow((void **)&p->skip, &p->skips, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->case_index = index;
	s->asked = where->asked;
	snprintf(s->reason, sizeof(s->reason), "%s", where->skip);
	return 0;
}

/* A plan on its way. */
struct planning {
	struct plan plan;
	struct groups groups;
	size_t *boot_of; /* each group's boot by its number in `plan` from 1; 0: none yet */
};

static struct boot *add_boot(struct plan *p, const struct test_case *c,
                             const struct placement *where, const struct group *group)
{
	struct boot *b = grow((void **)&p->boot, &p->boots, sizeof(*b));

	if (!b)
		return NULL;
	b->layer0 = c->cell.layer[0];
	snprintf(b->id, sizeof(b->id), "%s-%u", b->layer0.kind->name, group->number);
	snprintf(b->layer0_id, sizeof(b->layer0_id), "%s", group->layer0_id);
	b->platform = where->platform;
	b->kernel = where->kernel;
	b->image = where->image;
	b->kvm = where->kvm;
	b->memory_mib = where->memory_mib;
	b->vcpus = where->vcpus;
	b->boot_deadline_s = where->boot_deadline_s;
	return b;
}

/* Order within a boot: layer 0's own case, then the rest, then those that can change layers. */
static int step_class(const struct test_case *c)
{
	if (c->cell.layers == 1)
		return 0;
	for (size_t i = 1; i < c->cell.layers; i++) {
		if (layer_is_intrusive(&c->cell.layer[i]))
			return 2;
	}
	return 1;
}

static int add_step(struct boot *b, const struct case_file *cases, size_t index)
{
	const struct test_case *c = &cases->item[index];
	struct step *s = grow((void **)&b->step, &b->steps, sizeof(*s));
	size_t at = b->steps - 1;

	if (!s)
		return -ENOMEM;
	while (at > 0 && step_class(&cases->item[b->step[at - 1].case_index]) > step_class(c)) {
		b->step[at] = b->step[at - 1];
		at--;
	}
	b->step[at].case_index = index;
	b->step[at].deadline_s = c->deadline_s ? c->deadline_s : VISIT_DEADLINE_S;
	return 0;
}

static int add_case(struct planning *g, const struct case_file *cases, size_t index,
                    const struct host_facts *host, const struct plan_options *options)
{
	const struct test_case *c = &cases->item[index];
	const struct placement where = place(c, host, options);
	const size_t group = g->groups.of_case[index];

	if (where.skip[0])
		return add_skip(&g->plan, index, &where);
	if (!g->boot_of[group]) {
		if (!add_boot(&g->plan, c, &where, &g->groups.item[group]))
			return -ENOMEM;
		g->boot_of[group] = g->plan.boots;
	}
	return add_step(&g->plan.boot[g->boot_of[group] - 1], cases, index);
}

/* Which shard each case is in, for those that put them together again. */
static int note_shards(struct planning *g, const struct case_file *cases,
                       const struct plan_options *options)
{
	struct shard *s = &g->plan.shard;

	if (!options->shards)
		return 0;
	s->of_case = calloc(cases->count + 1, sizeof(*s->of_case));
	if (!s->of_case)
		return -ENOMEM;
	s->number = options->shard;
	s->of = options->shards;
	s->cases = cases->count;
	for (size_t i = 0; i < cases->count; i++) {
		size_t group = g->groups.of_case[i];

		s->of_case[i] = group == GROUP_NONE ? 0 : g->groups.item[group].shard;
	}
	return 0;
}

static int add_cases(struct planning *g, const struct case_file *cases,
                     const struct host_facts *host, const struct plan_options *options)
{
	int r = note_shards(g, cases, options);

	g->boot_of = calloc(g->groups.count + 1, sizeof(*g->boot_of));
	if (!g->boot_of)
		return -ENOMEM;
	for (size_t i = 0; i < cases->count && r == 0; i++) {
		size_t group = g->groups.of_case[i];

		if (group != GROUP_NONE &&
		    (!options->shards || g->groups.item[group].shard == options->shard))
			r = add_case(g, cases, i, host, options);
	}
	return r;
}

int plan_make(const struct case_file *cases, const struct host_facts *host,
              const struct plan_options *options, struct plan *ret, struct err *e)
{
	struct planning g = {0};
	int r = groups_make(cases, options, &g.groups, e);

	if (r == 0 && add_cases(&g, cases, host, options) < 0)
		r = err_nomem(e);
	for (size_t i = 0; i < g.plan.boots && r == 0 && !host->qemu[0]; i++) {
		if (!g.plan.boot[i].layer0.kind->found)
			r = err_set(e, -ENOENT,
			            "no qemu-system-x86_64 found: install qemu-system-x86");
	}
	groups_done(&g.groups);
	free(g.boot_of);
	if (r < 0)
		plan_done(&g.plan);
	else
		*ret = g.plan;
	return r;
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->boots; i++)
		free(p->boot[i].step);
	free(p->boot);
	free(p->skip);
	free(p->shard.of_case);
	*p = (struct plan){0};
}

int shard_copy(const struct shard *from, struct shard *ret, struct err *e)
{
	struct shard s = *from;

	if (!s.of)
		return 0;
	s.of_case = calloc(s.cases + 1, sizeof(*s.of_case));
	if (!s.of_case)
		return err_nomem(e);
	memcpy(s.of_case, from->of_case, s.cases * sizeof(*s.of_case));
	*ret = s;
	return 0;
}

bool shard_same_parts(const struct shard *a, const struct shard *b)
{
	return a->of == b->of && a->cases == b->cases &&
	       memcmp(a->of_case, b->of_case, a->cases * sizeof(*a->of_case)) == 0;
}
