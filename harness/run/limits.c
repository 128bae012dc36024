/* SPDX-License-Identifier: Apache-2.0 */
#include "run/limits.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"

/* One line of proc/self/cgroup, and the folder that its hierarchy is mounted at. */
struct hierarchy {
	const char *sysroot;
	const char *mount; /* "sys/fs/cgroup/memory" */
	const char *path;  /* "/user.slice/x"; of a container often "/" or not to be seen here */
};

static bool read_line(const struct hierarchy *h, size_t path_size, const char *name, char line[64])
{
	_cleanup_(fclosep) FILE *f = NULL;
	char path[PATH_MAX];

	if (path_format(path, NULL, "%s/%s%.*s/%s", h->sysroot, h->mount, (int)path_size, h->path,
	                name) < 0)
		return false;
	f = fopen(path, "re");
	return f && fgets(line, 64, f);
}

static void less_memory(const char *line, struct limits *l)
{
	unsigned long long bytes;

	if (sscanf(line, "%llu", &bytes) == 1 && bytes && bytes < (1ull << 60) &&
	    (!l->memory || bytes < l->memory))
		l->memory = bytes;
}

static void less_cpus(double quota, double period, struct limits *l)
{
	double cpus = quota > 0 && period > 0 ? quota / period : 0;

	if (cpus > 0 && (l->cpus <= 0 || cpus < l->cpus))
		l->cpus = cpus;
}

/* What one group says; any of its files may be missing. */
static void read_group(const struct hierarchy *h, size_t path_size, struct limits *l)
{
	char line[64], period[64];
	double a, b;

	if (read_line(h, path_size, "memory.max", line) ||
	    read_line(h, path_size, "memory.limit_in_bytes", line))
		less_memory(line, l);
	if (read_line(h, path_size, "cpu.max", line) && sscanf(line, "%lf %lf", &a, &b) == 2)
		less_cpus(a, b, l);
	else if (read_line(h, path_size, "cpu.cfs_quota_us", line) &&
	         read_line(h, path_size, "cpu.cfs_period_us", period) &&
	         sscanf(line, "%lf", &a) == 1 && sscanf(period, "%lf", &b) == 1)
		less_cpus(a, b, l);
}

/* The group, and those above it up to the mount. */
static void read_groups(const struct hierarchy *h, struct limits *l)
{
	size_t n = strlen(h->path);

	while (n > 0) {
		read_group(h, n, l);
		while (n > 0 && h->path[--n] != '/')
			;
	}
	read_group(h, 0, l);
}

/* "4:memory:/path" of version 1, "0::/path" of version 2. */
static void read_hierarchy(const char *sysroot, char *line, struct limits *l)
{
	struct hierarchy h = {.sysroot = sysroot, .mount = "sys/fs/cgroup"};
	char *controllers = strchr(line, ':'), *path, mount[128], *one;

	path = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!path || path[1] != '/' || strstr(path, "/../"))
		return;
	controllers++;
	*path = '\0';
	h.path = path + 1;
	if (!*controllers) {
		read_groups(&h, l);
		return;
	}
	while ((one = strsep(&controllers, ","))) {
		if (strcmp(one, "memory") != 0 && strcmp(one, "cpu") != 0)
			continue;
		snprintf(mount, sizeof(mount), "sys/fs/cgroup/%s", one);
		h.mount = mount;
		read_groups(&h, l);
	}
}

void limits_read(const char *sysroot, struct limits *ret)
{
	_cleanup_(fclosep) FILE *f = NULL;
	char path[PATH_MAX], line[PATH_MAX];

	*ret = (struct limits){0};
	if (path_format(path, NULL, "%s/proc/self/cgroup", sysroot) == 0)
		f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		read_hierarchy(sysroot, line, ret);
	}
}
