/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "core/file.h"
#include "run/limits.h"
#include "test/scratch.h"
#include "test/tests.h"

static struct limits limits;

/* A file below the scratch folder, with the folders above it. */
static void put(const char *name, const char *text)
{
	char path[PATH_MAX], *slash;

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	slash = strrchr(path, '/');
	*slash = '\0';
	ck_assert_int_eq(file_make_dirs(path, 0755, NULL), 0);
	*slash = '/';
	ck_assert_int_eq(file_write(path, text, strlen(text), NULL), 0);
}

static void expect(uint64_t mib, double cpus)
{
	limits_read(scratch, &limits);
	ck_assert_uint_eq(limits.memory, mib << 20);
	ck_assert_double_eq_tol(limits.cpus, cpus, 1e-9);
}

TEST(nothing_known)
{
	expect(0, 0);
	put("proc/self/cgroup", "0::/a/b\n");
	expect(0, 0);
}

TEST(version_2)
{
	put("proc/self/cgroup", "0::/a/b\n");
	put("sys/fs/cgroup/a/b/memory.max", "max\n");
	put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
	expect(0, 0);
	put("sys/fs/cgroup/a/b/memory.max", "2147483648\n");
	put("sys/fs/cgroup/a/b/cpu.max", "150000 100000\n");
	expect(2048, 1.5);
	put("sys/fs/cgroup/a/memory.max", "1073741824\n"); /* the group above has less */
	put("sys/fs/cgroup/a/cpu.max", "400000 100000\n"); /* or more */
	expect(1024, 1.5);
}

/* A container sees its own group as the root, whatever it is called outside. */
TEST(container)
{
	put("proc/self/cgroup", "0::/../elsewhere\n");
	put("sys/fs/cgroup/memory.max", "1073741824\n");
	expect(0, 0); /* a path that leads out is none of ours */
	put("proc/self/cgroup", "0::/\n");
	expect(1024, 0);
	put("proc/self/cgroup", "0::/docker/0123\n");
	expect(1024, 0);
}

TEST(version_1)
{
	put("proc/self/cgroup", "9:name=systemd:/\n4:memory:/x\n2:cpu,cpuacct:/y\n0::/\n");
	put("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712\n"); /* none */
	put("sys/fs/cgroup/cpu/y/cpu.cfs_quota_us", "-1\n");
	put("sys/fs/cgroup/cpu/y/cpu.cfs_period_us", "100000\n");
	expect(0, 0);
	put("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "536870912\n");
	put("sys/fs/cgroup/cpu/y/cpu.cfs_quota_us", "50000\n");
	expect(512, 0.5);
}

TESTS("limits", .setup = scratch_make, .teardown = scratch_remove)
