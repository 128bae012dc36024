/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "format/bytes.h"
#include "plan/plan.h"
#include "record/record.h"
#include "test/tests.h"

static struct test_case item[16];
static struct case_file cases;
static struct host_facts host;
static struct plan_options options;

static struct test_case *add(const char *id)
{
	struct test_case *c = &item[cases.count++];
	struct err e;

	memset(c, 0, sizeof(*c));
	ck_assert_msg(cell_parse(id, &c->cell, &e) == 0, "%s", e.text);
	snprintf(c->id, sizeof(c->id), "%s", id);
	return c;
}

static void setup(void)
{
	cases = (struct case_file){.path = (char *)"test.yaml", .item = item};
	host = (struct host_facts){.qemu = "/usr/bin/qemu-system-x86_64",
	                           .kvm_reason = "no /dev/kvm",
	                           .tdx_reason = "no TDX module",
	                           .memory_mib = 16384};
	options = (struct plan_options){0};
}

/* "td-1:0,2,1 vm-1:3": boots with the cases of their steps. */
static const char *shape(const struct plan *p)
{
	static char text[400];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < p->boots; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s:", i ? " " : "",
		                      p->boot[i].id);
		for (size_t s = 0; s < p->boot[i].steps; s++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%zu", s ? "," : "",
			                      p->boot[i].step[s].case_index);
	}
	return text;
}

static struct plan make(void)
{
	struct plan p;
	struct err e;

	ck_assert_msg(plan_make(&cases, &host, &options, &p, &e) == 0, "%s", e.text);
	return p;
}

TEST(shared_boots)
{
	struct plan p;

	add("td/docker.privileged");
	add("td/docker");
	add("vm/qemu.kvm");
	add("td");
	add("td@mem=4096");
	add("td/podman.rootful");
	p = make();
	ck_assert_str_eq(shape(&p), "td-1:3,1,5,0 vm-1:2 td-2:4");
	ck_assert_str_eq(p.boot[2].layer0_id, "td@mem=4096");
	ck_assert_uint_eq(p.boot[2].memory_mib, 4096);
	ck_assert_uint_eq(p.boot[0].memory_mib, 2048);
	ck_assert_int_eq(p.boot[0].platform, PLATFORM_EMULATED);
	ck_assert_int_eq(p.boot[1].platform, PLATFORM_NONE);
	ck_assert(!p.boot[0].kvm && !p.boot[1].kvm);
	plan_done(&p);
}

TEST(isolation)
{
	struct plan p;

	add("td/docker")->isolate = true;
	add("td/docker+dev");
	add("td/docker+dev+tsm")->isolate = true;
	add("td");
	p = make();
	ck_assert_str_eq(shape(&p), "td-1:0 td-2:3,1 td-3:2");
	plan_done(&p);
}

TEST(what_changes_the_registers_is_alone)
{
	struct plan p;

	add("td");
	add("td/conformance");
	add("td/docker");
	add("td/docker/conformance");
	p = make();
	ck_assert_str_eq(shape(&p), "td-1:0,2 td-2:1 td-3:3");
	plan_done(&p);
}

TEST(accelerators)
{
	struct plan p;

	host.kvm_usable = true;
	add("vm");
	add("vm@accel=tcg");
	add("vm@accel=kvm");
	add("td");
	p = make();
	ck_assert_uint_eq(p.boots, 4);
	ck_assert(p.boot[0].kvm);
	ck_assert(!p.boot[1].kvm);
	ck_assert(p.boot[2].kvm);
	ck_assert(!p.boot[3].kvm); /* the software module needs TCG's SVM */
	plan_done(&p);

	host.kvm_usable = false;
	p = make();
	ck_assert_uint_eq(p.skips, 1);
	ck_assert_uint_eq(p.skip[0].case_index, 2);
	ck_assert_str_eq(p.skip[0].reason, "no usable KVM on this host: no /dev/kvm");
	plan_done(&p);
}

TEST(kernels)
{
	struct plan p;

	add("td");
	add("td@kernel=backports");
	add("vm@kernel=trixie");
	add("td@kernel=backports/docker");
	p = make();
	ck_assert_str_eq(shape(&p), "td-1:0 td-2:1,3 vm-1:2");
	ck_assert_int_eq(p.boot[0].kernel, KERNEL_TRIXIE);
	ck_assert_int_eq(p.boot[1].kernel, KERNEL_BACKPORTS);
	ck_assert_int_eq(p.boot[2].kernel, KERNEL_TRIXIE);
	plan_done(&p);

	options.no_kernel[KERNEL_BACKPORTS] = "the mirror had none";
	p = make();
	ck_assert_str_eq(shape(&p), "td-1:0 vm-1:2");
	ck_assert_uint_eq(p.skips, 2);
	ck_assert_uint_eq(p.skip[1].case_index, 3);
	ck_assert_str_eq(p.skip[1].reason, "the mirror had none");
	plan_done(&p);
}

TEST(images)
{
	struct plan p;

	add("td@image=minimal/podman.rootful");
	add("td@image=full");
	p = make();
	ck_assert_str_eq(shape(&p), "td-1:0 td-2:1");
	ck_assert_int_eq(p.boot[0].image, IMAGE_MINIMAL);
	ck_assert_int_eq(p.boot[1].image, IMAGE_FULL);
	plan_done(&p);

	options.no_image[IMAGE_MINIMAL] = "not built";
	p = make();
	ck_assert_str_eq(shape(&p), "td-1:1");
	ck_assert_str_eq(p.skip[0].reason, "not built");
	ck_assert(!p.skip[0].asked);
	plan_done(&p);
}

/* TDs with different quotes are different TDs; hardware signs as it does. */
TEST(quote_versions)
{
	struct plan p;

	add("td");
	add("td@quote=5");
	add("td@quote=5/docker");
	p = make();
	ck_assert_str_eq(shape(&p), "td-1:0 td-2:1,2");
	plan_done(&p);

	host.tdx_usable = host.kvm_usable = true;
	options.platform = PLATFORM_HARDWARE;
	p = make();
	ck_assert_str_eq(shape(&p), "td-1:0");
	ck_assert_uint_eq(p.skips, 2);
	ck_assert_ptr_nonnull(strstr(p.skip[0].reason, "quoting service"));
	plan_done(&p);
}

/* What of a trust domain and its memory a host can't give. */
TEST(trust_domains_as_asked)
{
	static const struct {
		const char *id;
		bool hardware;
		const char *reason; /* NULL: it can */
	} rows[] = {
	        {"td@attributes=debug", false, NULL},
	        {"td@attributes=debug", true, "QEMU makes no hardware TDs with @attributes=debug"},
	        {"td@attributes=perfmon", true, NULL},
	        {"td@mrconfigid=7@mrowner=8@mrownerconfig=9", true, NULL},
	        {"td@mrconfigid=7", false, NULL},
	        {"td@backend=memfd", false, "a file that it shares with the software TDX module"},
	        {"td@backend=memfd", true, NULL},
	        {"td@backend=hugepages@mem=1024", true, NULL},
	        {"td@backend=hugepages", true, "wants 2048 MiB of huge pages, the host has 1024 MiB"},
	        {"vm@backend=memfd@accel=tcg", false, "this one's memory is TCG's"},
	        {"vm@backend=memfd", true, NULL},
	        {"td@vcpus=96", false, "wants 96 processors, of which there are at most 64 by TCG"},
	        {"td@vcpus=96", true, NULL},
	        {"td@vcpus=97", true, "there are at most 96 on this host"},
	};
	struct plan p;

	host.hugepages_mib = 1024;
	host.cpus = 96;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cases.count = 0;
		add(rows[i].id);
		host.tdx_usable = host.kvm_usable = rows[i].hardware;
		p = make();
		if (rows[i].reason)
			ck_assert_msg(p.skips == 1 && strstr(p.skip[0].reason, rows[i].reason),
			              "%s: %s", rows[i].id, p.skips ? p.skip[0].reason : "booted");
		else
			ck_assert_msg(p.boots == 1, "%s: %s", rows[i].id,
			              p.skips ? p.skip[0].reason : "");
		plan_done(&p);
	}
}

TEST(platforms)
{
	struct plan p;

	add("td");
	add("vm");
	options.platform = PLATFORM_HARDWARE;
	p = make();
	ck_assert_uint_eq(p.skips, 1);
	ck_assert_str_eq(p.skip[0].reason, "no TDX on this host: no TDX module");
	ck_assert(p.skip[0].asked);
	ck_assert_str_eq(shape(&p), "vm-1:1");
	plan_done(&p);

	host.tdx_usable = host.kvm_usable = true;
	options.platform = PLATFORM_NONE;
	p = make();
	ck_assert_int_eq(p.boot[0].platform, PLATFORM_HARDWARE);
	ck_assert(p.boot[0].kvm);
	plan_done(&p);

	options.platform = PLATFORM_EMULATED;
	p = make();
	ck_assert_int_eq(p.boot[0].platform, PLATFORM_EMULATED);
	ck_assert(!p.boot[0].kvm);
	plan_done(&p);
}

TEST(limits)
{
	struct plan p;

	add("vm@mem=32768");
	add("td@vcpus=4")->deadline_s = 7;
	add("td@vcpus=4/docker");
	p = make();
	ck_assert_uint_eq(p.skips, 1);
	ck_assert_ptr_nonnull(strstr(p.skip[0].reason, "32768 MiB"));
	ck_assert_uint_eq(p.boot[0].vcpus, 4);
	ck_assert_int_eq(p.boot[0].step[0].deadline_s, 7);
	ck_assert_int_eq(p.boot[0].step[1].deadline_s, VISIT_DEADLINE_S);
	ck_assert_int_eq(p.boot[0].boot_deadline_s, BOOT_DEADLINE_S);
	plan_done(&p);
}

/* Private and shared memory apart or not; on hardware they are. */
TEST(pages)
{
	struct plan p;

	add("td");
	add("td@pages=shared");
	add("td@pages=enforced");
	p = make();
	ck_assert_uint_eq(p.boots, 3);
	plan_done(&p);
	host.tdx_usable = true;
	p = make();
	ck_assert_uint_eq(p.boots, 2);
	ck_assert_uint_eq(p.skips, 1);
	ck_assert_str_eq(p.skip[0].reason, "hardware TDs have no @pages=shared");
	plan_done(&p);
}

/* Both ways of an emulated TD; a hardware one has no choice. */
TEST(exits)
{
	struct plan p;

	add("td@exits=ve");
	add("td@exits=ve/docker");
	add("td@exits=passthrough");
	p = make();
	ck_assert_str_eq(shape(&p), "td-1:0,1 td-2:2");
	plan_done(&p);
	host.tdx_usable = true;
	p = make();
	ck_assert_uint_eq(p.boots, 1);
	ck_assert_uint_eq(p.skips, 1);
	ck_assert_uint_eq(p.skip[0].case_index, 2);
	plan_done(&p);
}

TEST(choosing)
{
	struct plan p;
	struct err e;

	add("td");
	add("td/docker");
	options.only = "td/docker";
	p = make();
	ck_assert_str_eq(shape(&p), "td-1:1");
	plan_done(&p);
	options.only = "td/nothing";
	ck_assert_int_eq(plan_make(&cases, &host, &options, &p, &e), -EINVAL);
	options.only = NULL;
	host.qemu[0] = '\0';
	ck_assert_int_eq(plan_make(&cases, &host, &options, &p, &e), -ENOENT);
}

TEST(names)
{
	ck_assert_str_eq(platform_names[PLATFORM_HARDWARE], "hardware");
	for (int i = 0; i < 6; i++)
		ck_assert_ptr_nonnull(visit_state_names[i]);
}

TESTS("plan", .setup = setup)
