/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/enum.h"

#define MEMORY_DEFAULT_MIB 2048
#define MEMORY_MIN_MIB     512
#define VCPUS_MAX          64
#define VCPUS_EMULATED_MAX 8 /* of guests/tdxemu */

const char *const platform_names[3] = {
        [PLATFORM_NONE] = "none",
        [PLATFORM_EMULATED] = "emulated",
        [PLATFORM_HARDWARE] = "hardware",
};

const char *const guest_kernel_names[KERNEL_COUNT] = {
        [KERNEL_TRIXIE] = "trixie",
        [KERNEL_BACKPORTS] = "backports",
};

const char *const guest_image_names[IMAGE_COUNT] = {
        [IMAGE_FULL] = "full",
        [IMAGE_MINIMAL] = "minimal",
};

/* One case on its way into a boot. */
struct placement {
	enum platform platform;
	enum guest_kernel kernel;
	enum guest_image image;
	bool kvm;
	unsigned memory_mib, vcpus;
	char skip[160]; /* the missing host capability, or "" */
};

static bool is_td(const struct test_case *c)
{
	return strcmp(c->cell.layer[0].kind, "td") == 0;
}

static int axis_number(const struct test_case *c, const char *name, unsigned fallback, unsigned min,
                       unsigned max, unsigned *ret, struct err *e)
{
	const char *text = layer_axis(&c->cell.layer[0], name, NULL);
	unsigned long value;
	char *end;

	if (!text) {
		*ret = fallback;
		return 0;
	}
	errno = 0;
	value = strtoul(text, &end, 10);
	if (*end || errno || strchr("0123456789", text[0]) == NULL || value < min || value > max)
		return err_set(e, -EINVAL, "cell '%s': @%s=%s; expected a number from %u to %u",
		               c->id, name, text, min, max);
	*ret = (unsigned)value;
	return 0;
}

static int place_td(const struct test_case *c, const struct host_facts *host, int wanted,
                    struct placement *p, struct err *e)
{
	const char *exits = layer_axis(&c->cell.layer[0], "exits", NULL);

	if (exits && strcmp(exits, "passthrough") != 0 && strcmp(exits, "ve") != 0)
		return err_set(e, -EINVAL, "cell '%s': @exits=%s; expected passthrough or ve",
		               c->id, exits);
	if (wanted == PLATFORM_HARDWARE && !host->tdx_usable) {
		snprintf(p->skip, sizeof(p->skip), "no TDX on this host: %.130s", host->tdx_reason);
		return 0;
	}
	p->platform = wanted == PLATFORM_HARDWARE || (wanted < 0 && host->tdx_usable)
	                      ? PLATFORM_HARDWARE
	                      : PLATFORM_EMULATED;
	p->kvm = p->platform == PLATFORM_HARDWARE;
	if (p->kvm && exits && strcmp(exits, "passthrough") == 0)
		snprintf(p->skip, sizeof(p->skip), "hardware TDs have no @exits=passthrough");
	return 0;
}

/* What the platform can't give a cell that asks for this much. */
static void check_size(const struct host_facts *host, struct placement *p)
{
	if (p->skip[0])
		return;
	if (p->platform == PLATFORM_EMULATED && p->vcpus > VCPUS_EMULATED_MAX)
		snprintf(p->skip, sizeof(p->skip), "an emulated TD has at most %d vCPUs",
		         VCPUS_EMULATED_MAX);
	else if (host->memory_mib && p->memory_mib > host->memory_mib)
		snprintf(p->skip, sizeof(p->skip),
		         "the guest wants %u MiB, the host has %llu MiB of memory", p->memory_mib,
		         (unsigned long long)host->memory_mib);
}

static int place_vm(const struct test_case *c, const struct host_facts *host, struct placement *p,
                    struct err *e)
{
	const char *accel = layer_axis(&c->cell.layer[0], "accel", "auto");

	if (strcmp(accel, "auto") != 0 && strcmp(accel, "kvm") != 0 && strcmp(accel, "tcg") != 0)
		return err_set(e, -EINVAL, "cell '%s': @accel=%s; expected auto, kvm or tcg", c->id,
		               accel);
	p->platform = PLATFORM_NONE;
	p->kvm = host->kvm_usable && strcmp(accel, "tcg") != 0;
	if (strcmp(accel, "kvm") == 0 && !p->kvm)
		snprintf(p->skip, sizeof(p->skip), "no usable KVM on this host: %.120s",
		         host->kvm_reason);
	return 0;
}

/* Who signs decides the version: here the emulated platform's service does as a case says. */
static int place_quote(const struct test_case *c, struct placement *p, struct err *e)
{
	const char *version = layer_axis(&c->cell.layer[0], "quote", NULL);

	if (version && strcmp(version, "4") != 0 && strcmp(version, "5") != 0)
		return err_set(e, -EINVAL, "cell '%s': @quote=%s; expected 4 or 5", c->id, version);
	if (version && !p->skip[0] && p->platform == PLATFORM_HARDWARE)
		snprintf(p->skip, sizeof(p->skip),
		         "the host's quoting service chooses the version of its quotes");
	return 0;
}

/* One of a few names, the first of which is meant where the axis is missing. */
static int axis_name(const struct test_case *c, const char *axis, const char *const *names,
                     size_t count, int *ret, struct err *e)
{
	const char *name = layer_axis(&c->cell.layer[0], axis, names[0]);
	int found = enum_find(names, count, name);

	if (found < 0)
		return err_set(e, -EINVAL, "cell '%s': @%s=%s; expected %s or %s", c->id, axis,
		               name, names[0], names[1]);
	*ret = found;
	return 0;
}

static int place_files(const struct test_case *c, const struct plan_options *options,
                       struct placement *p, struct err *e)
{
	int kernel, image;
	int r = axis_name(c, "kernel", guest_kernel_names, KERNEL_COUNT, &kernel, e);

	if (r == 0)
		r = axis_name(c, "image", guest_image_names, IMAGE_COUNT, &image, e);
	if (r < 0)
		return r;
	p->kernel = (enum guest_kernel)kernel;
	p->image = (enum guest_image)image;
	if (!p->skip[0] && options->no_kernel[kernel])
		snprintf(p->skip, sizeof(p->skip), "%s", options->no_kernel[kernel]);
	if (!p->skip[0] && options->no_image[image])
		snprintf(p->skip, sizeof(p->skip), "%s", options->no_image[image]);
	return 0;
}

static int place(const struct test_case *c, const struct host_facts *host,
                 const struct plan_options *options, struct placement *ret, struct err *e)
{
	struct placement p = {0};
	int r = 0;

	if (is_td(c)) {
		r = place_td(c, host, options->platform, &p, e);
		if (r == 0)
			r = place_quote(c, &p, e);
	} else {
		r = place_vm(c, host, &p, e);
	}
	if (r == 0)
		r = place_files(c, options, &p, e);
	if (r < 0)
		return r;
	r = axis_number(c, "mem", MEMORY_DEFAULT_MIB, MEMORY_MIN_MIB, 1u << 20, &p.memory_mib, e);
	if (r < 0)
		return r;
	r = axis_number(c, "vcpus", 1, 1, VCPUS_MAX, &p.vcpus, e);
	if (r < 0)
		return r;
	check_size(host, &p);
	*ret = p;
	return 0;
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

static int add_skip(struct plan *p, size_t index, const char *reason)
{
	struct skip *s = grow((void **)&p->skip, &p->skips, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->case_index = index;
	snprintf(s->reason, sizeof(s->reason), "%s", reason);
	return 0;
}

/* The boot that this case may share: same layer 0, neither of them isolated. */
static struct boot *find_boot(struct plan *p, const struct case_file *cases, const char *layer0_id)
{
	for (size_t i = 0; i < p->boots; i++) {
		struct boot *b = &p->boot[i];

		if (strcmp(b->layer0_id, layer0_id) == 0 &&
		    !cases->item[b->step[0].case_index].isolate)
			return b;
	}
	return NULL;
}

static struct boot *add_boot(struct plan *p, const struct test_case *c,
                             const struct placement *where, const char *layer0_id)
{
	struct boot *b = grow((void **)&p->boot, &p->boots, sizeof(*b));
	unsigned number = 1;

	if (!b)
		return NULL;
	for (size_t i = 0; i + 1 < p->boots; i++)
		number += strcmp(p->boot[i].layer0.kind, c->cell.layer[0].kind) == 0;
	b->layer0 = c->cell.layer[0];
	snprintf(b->id, sizeof(b->id), "%s-%u", b->layer0.kind, number);
	snprintf(b->layer0_id, sizeof(b->layer0_id), "%s", layer0_id);
	b->platform = where->platform;
	b->kernel = where->kernel;
	b->image = where->image;
	b->kvm = where->kvm;
	b->memory_mib = where->memory_mib;
	b->vcpus = where->vcpus;
	b->boot_deadline_s = BOOT_DEADLINE_S;
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

static int add_case(struct plan *p, const struct case_file *cases, size_t index,
                    const struct host_facts *host, const struct plan_options *options,
                    struct err *e)
{
	const struct test_case *c = &cases->item[index];
	struct placement where;
	char layer0_id[CELL_ID_MAX];
	struct boot *b = NULL;
	int r = place(c, host, options, &where, e);

	if (r < 0)
		return r;
	if (where.skip[0])
		return add_skip(p, index, where.skip);
	cell_print(&c->cell, 1, layer0_id);
	if (!c->isolate)
		b = find_boot(p, cases, layer0_id);
	if (!b)
		b = add_boot(p, c, &where, layer0_id);
	return b ? add_step(b, cases, index) : -ENOMEM;
}

int plan_make(const struct case_file *cases, const struct host_facts *host,
              const struct plan_options *options, struct plan *ret, struct err *e)
{
	struct plan p = {0};
	size_t chosen = 0;
	int r = 0;

	if (!host->qemu[0])
		return err_set(e, -ENOENT, "no qemu-system-x86_64 found: install qemu-system-x86");
	for (size_t i = 0; i < cases->count && r == 0; i++) {
		if (options->only && strcmp(options->only, cases->item[i].id) != 0)
			continue;
		chosen++;
		r = add_case(&p, cases, i, host, options, e);
		if (r == -ENOMEM)
			err_set(e, r, "out of memory");
	}
	if (r == 0 && chosen == 0)
		r = err_set(e, -EINVAL, "%s: no cell '%s'; 'tception list' shows them", cases->path,
		            options->only ? options->only : "");
	if (r < 0) {
		plan_done(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->boots; i++)
		free(p->boot[i].step);
	free(p->boot);
	free(p->skip);
	*p = (struct plan){0};
}
