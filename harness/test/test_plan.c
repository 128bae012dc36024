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
static struct plan p; /* the last one made */

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

static void teardown(void)
{
	plan_done(&p);
}

/* "td-1:0,2,1 vm-1:3": boots with the cases of their steps. */
static const char *shape(void)
{
	static char text[400];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < p.boots; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s:", i ? " " : "",
		                      p.boot[i].id);
		for (size_t s = 0; s < p.boot[i].steps; s++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%zu", s ? "," : "",
			                      p.boot[i].step[s].case_index);
	}
	return text;
}

static void make(void)
{
	struct err e;

	plan_done(&p);
	ck_assert_msg(plan_make(&cases, &host, &options, &p, &e) == 0, "%s", e.text);
}

TEST(shared_boots)
{
	add("td/docker.privileged");
	add("td/docker");
	add("vm/qemu.kvm");
	add("td");
	add("td@mem=4096");
	add("td/podman.rootful");
	make();
	ck_assert_str_eq(shape(), "td-1:3,1,5,0 vm-1:2 td-2:4");
	ck_assert_str_eq(p.boot[2].layer0_id, "td@mem=4096");
	ck_assert_uint_eq(p.boot[2].memory_mib, 4096);
	ck_assert_uint_eq(p.boot[0].memory_mib, 2048);
	ck_assert_int_eq(p.boot[0].platform, PLATFORM_EMULATED);
	ck_assert_int_eq(p.boot[1].platform, PLATFORM_NONE);
	ck_assert(!p.boot[0].kvm && !p.boot[1].kvm);
}

TEST(isolation)
{
	add("td/docker")->isolate = true;
	add("td/docker+dev");
	add("td/docker+dev+tsm")->isolate = true;
	add("td");
	make();
	ck_assert_str_eq(shape(), "td-1:0 td-2:3,1 td-3:2");
}

static void make_shard(unsigned number, unsigned of)
{
	options.shard = number;
	options.shards = of;
	make();
}

/* Boots stay whole and keep their IDs, each cell is in one shard, and as much in each as can be. */
TEST(shards)
{
	add("td");
	add("vm");
	add("td/docker");
	add("td@mem=4096");
	add("td/podman.rootful");
	add("vm/docker");
	make_shard(1, 2);
	ck_assert_str_eq(shape(), "td-1:0,2,4");
	ck_assert_uint_eq(p.shard.cases, 6);
	ck_assert(p.shard.of_case[2] == 1 && p.shard.of_case[3] == 2 && p.shard.of_case[5] == 2);
	make_shard(2, 2);
	ck_assert_str_eq(shape(), "vm-1:1,5 td-2:3");
	ck_assert(p.shard.of_case[2] == 1 && p.shard.of_case[3] == 2 && p.shard.of_case[5] == 2);
	make_shard(3, 3);
	ck_assert_str_eq(shape(), "td-2:3");
	make_shard(4, 4); /* more than there are boots */
	ck_assert_str_eq(shape(), "");
	ck_assert_uint_eq(p.skips, 0);
}

/* What a host can't do changes nothing of the others' parts. */
TEST(shards_of_hosts_that_differ)
{
	unsigned there[3];

	add("vm@accel=kvm");
	add("vm");
	add("td/docker");
	host.kvm_usable = true;
	make_shard(1, 2);
	memcpy(there, p.shard.of_case, sizeof(there));
	ck_assert_str_eq(shape(), "vm-1:0 td-1:2");
	host.kvm_usable = false;
	make_shard(1, 2);
	ck_assert_mem_eq(there, p.shard.of_case, sizeof(there));
	ck_assert_str_eq(shape(), "td-1:2");
	ck_assert_uint_eq(p.skips, 1);
	make_shard(2, 2);
	ck_assert_str_eq(shape(), "vm-2:1");
	ck_assert_uint_eq(p.skips, 0);
}

TEST(shard_of_a_choice)
{
	add("td");
	add("vm");
	options.only = (const char *const[]){"vm", NULL};
	make_shard(1, 2);
	ck_assert_str_eq(shape(), "vm-1:1");
	ck_assert(p.shard.of_case[0] == 0 && p.shard.of_case[1] == 1);
}

TEST(what_changes_the_registers_is_alone)
{
	add("td");
	add("td/conformance");
	add("td/docker");
	add("td/docker/conformance");
	make();
	ck_assert_str_eq(shape(), "td-1:0,2 td-2:1 td-3:3");
}

TEST(accelerators)
{
	host.kvm_usable = true;
	add("vm");
	add("vm@accel=tcg");
	add("vm@accel=kvm");
	add("td");
	make();
	ck_assert_uint_eq(p.boots, 4);
	ck_assert(p.boot[0].kvm);
	ck_assert(!p.boot[1].kvm);
	ck_assert(p.boot[2].kvm);
	ck_assert(!p.boot[3].kvm); /* the software module needs TCG's SVM */

	host.kvm_usable = false;
	make();
	ck_assert_uint_eq(p.skips, 1);
	ck_assert_uint_eq(p.skip[0].case_index, 2);
	ck_assert_str_eq(p.skip[0].reason, "no usable KVM on this host: no /dev/kvm");
}

TEST(kernels)
{
	add("td");
	add("td@kernel=backports");
	add("vm@kernel=trixie");
	add("td@kernel=backports/docker");
	make();
	ck_assert_str_eq(shape(), "td-1:0 td-2:1,3 vm-1:2");
	ck_assert_int_eq(p.boot[0].kernel, KERNEL_TRIXIE);
	ck_assert_int_eq(p.boot[1].kernel, KERNEL_BACKPORTS);
	ck_assert_int_eq(p.boot[2].kernel, KERNEL_TRIXIE);

	options.no_kernel[KERNEL_BACKPORTS] = "the mirror had none";
	make();
	ck_assert_str_eq(shape(), "td-1:0 vm-1:2");
	ck_assert_uint_eq(p.skips, 2);
	ck_assert_uint_eq(p.skip[1].case_index, 3);
	ck_assert_str_eq(p.skip[1].reason, "the mirror had none");
}

TEST(images)
{
	add("td@image=minimal/podman.rootful");
	add("td@image=full");
	make();
	ck_assert_str_eq(shape(), "td-1:0 td-2:1");
	ck_assert_int_eq(p.boot[0].image, IMAGE_MINIMAL);
	ck_assert_int_eq(p.boot[1].image, IMAGE_FULL);

	options.no_image[IMAGE_MINIMAL] = "not built";
	make();
	ck_assert_str_eq(shape(), "td-2:1"); /* as on a host that has it */
	ck_assert_str_eq(p.skip[0].reason, "not built");
	ck_assert(!p.skip[0].asked);
}

/* A release has its kernel and its root image. */
TEST(releases)
{
	add("td@release=forky/docker");
	add("td@release=trixie");
	make();
	ck_assert_str_eq(shape(), "td-1:0 td-2:1");
	ck_assert_int_eq(p.boot[0].kernel, KERNEL_FORKY);
	ck_assert_int_eq(p.boot[0].image, IMAGE_FORKY);
	ck_assert_int_eq(p.boot[1].kernel, KERNEL_TRIXIE);
	ck_assert_int_eq(p.boot[1].image, IMAGE_FULL);

	options.no_image[IMAGE_FORKY] = "not built";
	make();
	ck_assert_str_eq(shape(), "td-2:1");
	ck_assert_str_eq(p.skip[0].reason, "not built");
}

/* TDs with different quotes are different TDs; hardware signs as it does. */
TEST(quote_versions)
{
	add("td");
	add("td@quote=5");
	add("td@quote=5/docker");
	make();
	ck_assert_str_eq(shape(), "td-1:0 td-2:1,2");

	host.tdx_usable = host.kvm_usable = true;
	options.platform = PLATFORM_HARDWARE;
	make();
	ck_assert_str_eq(shape(), "td-1:0");
	ck_assert_uint_eq(p.skips, 2);
	ck_assert_ptr_nonnull(strstr(p.skip[0].reason, "quoting service"));
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
	        {"td@backend=hugepages", true,
	         "wants 2048 MiB of huge pages, the host has 1024 MiB"},
	        {"vm@backend=memfd@accel=tcg", false, "this one's memory is TCG's"},
	        {"vm@backend=memfd", true, NULL},
	        {"td@vcpus=96", false, "wants 96 processors, of which there are at most 64 by TCG"},
	        {"td@vcpus=96", true, NULL},
	        {"td@vcpus=97", true, "there are at most 96 on this host"},
	};

	host.hugepages_mib = 1024;
	host.cpus = 96;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cases.count = 0;
		add(rows[i].id);
		host.tdx_usable = host.kvm_usable = rows[i].hardware;
		make();
		if (rows[i].reason)
			ck_assert_msg(p.skips == 1 && strstr(p.skip[0].reason, rows[i].reason),
			              "%s: %s", rows[i].id, p.skips ? p.skip[0].reason : "booted");
		else
			ck_assert_msg(p.boots == 1, "%s: %s", rows[i].id,
			              p.skips ? p.skip[0].reason : "");
	}
}

TEST(platforms)
{
	add("td");
	add("vm");
	options.platform = PLATFORM_HARDWARE;
	make();
	ck_assert_uint_eq(p.skips, 1);
	ck_assert_str_eq(p.skip[0].reason, "no TDX on this host: no TDX module");
	ck_assert(p.skip[0].asked);
	ck_assert_str_eq(shape(), "vm-1:1");

	host.tdx_usable = host.kvm_usable = true;
	options.platform = PLATFORM_NONE;
	make();
	ck_assert_int_eq(p.boot[0].platform, PLATFORM_HARDWARE);
	ck_assert(p.boot[0].kvm);

	options.platform = PLATFORM_EMULATED;
	make();
	ck_assert_int_eq(p.boot[0].platform, PLATFORM_EMULATED);
	ck_assert(!p.boot[0].kvm);
}

TEST(limits)
{
	add("vm@mem=32768");
	add("td@vcpus=4")->deadline_s = 7;
	add("td@vcpus=4/docker");
	make();
	ck_assert_uint_eq(p.skips, 1);
	ck_assert_ptr_nonnull(strstr(p.skip[0].reason, "32768 MiB"));
	ck_assert_uint_eq(p.boot[0].vcpus, 4);
	ck_assert_int_eq(p.boot[0].step[0].deadline_s, 7);
	ck_assert_int_eq(p.boot[0].step[1].deadline_s, VISIT_DEADLINE_S);
	ck_assert_int_eq(p.boot[0].boot_deadline_s, BOOT_DEADLINE_S);
}

/* Private and shared memory apart or not; on hardware they are. */
TEST(pages)
{
	add("td");
	add("td@pages=shared");
	add("td@pages=enforced");
	make();
	ck_assert_uint_eq(p.boots, 3);
	host.tdx_usable = true;
	make();
	ck_assert_uint_eq(p.boots, 2);
	ck_assert_uint_eq(p.skips, 1);
	ck_assert_str_eq(p.skip[0].reason, "hardware TDs have no @pages=shared");
}

/* Both ways of an emulated TD; a hardware one has no choice. */
TEST(exits)
{
	add("td@exits=ve");
	add("td@exits=ve/docker");
	add("td@exits=passthrough");
	make();
	ck_assert_str_eq(shape(), "td-1:0,1 td-2:2");
	host.tdx_usable = true;
	make();
	ck_assert_uint_eq(p.boots, 1);
	ck_assert_uint_eq(p.skips, 1);
	ck_assert_uint_eq(p.skip[0].case_index, 2);
}

TEST(choosing)
{
	struct err e;

	add("td");
	add("td/docker");
	options.only = (const char *const[]){"td/docker", NULL};
	make();
	ck_assert_str_eq(shape(), "td-1:1");
	options.only = (const char *const[]){"*/dock[xy]r", NULL};
	ck_assert_int_eq(plan_make(&cases, &host, &options, &p, &e), -EINVAL);
	options.only = (const char *const[]){"*/d*r", NULL};
	make();
	ck_assert_str_eq(shape(), "td-1:1");
	options.only = (const char *const[]){"td", "*/d*r", NULL};
	make();
	ck_assert_str_eq(shape(), "td-1:0,1");
	options.only = (const char *const[]){"td", "td/nothing", NULL};
	ck_assert_int_eq(plan_make(&cases, &host, &options, &p, &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "no cell 'td/nothing'"));
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

TESTS("plan", .setup = setup, .teardown = teardown)
