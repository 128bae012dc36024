/* SPDX-License-Identifier: Apache-2.0 */
/* configfs-tsm and the kernel's sysfs measurements: what is there, without asking for a quote. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent/probe.h"
#include "agent/util.h"

#define CONFIGFS       "/sys/kernel/config"
#define CONFIGFS_MAGIC 0x62656570
#define MEASUREMENTS   "/sys/devices/virtual/misc/tdx_guest/measurements"

static bool is_configfs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == CONFIGFS_MAGIC;
}

/* A container may have the empty directory and the right to mount: recorded, because we did it. */
static json_t *try_mount(void)
{
	int r = mount("configfs", CONFIGFS, "configfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	json_t *result = json_pack("{s:b}", "ok", r == 0);

	util_json_set_errno(result, r < 0 ? errno : 0);
	return result;
}

/* The name of the provider can only be had from a report object; making one asks for no quote. */
static json_t *find_provider(void)
{
	char dir[128], path[160];

	snprintf(dir, sizeof(dir), CONFIGFS "/tsm/report/tception-look-%d", (int)getpid());
	if (mkdir(dir, 0700) < 0)
		return json_null();
	snprintf(path, sizeof(path), "%s/provider", dir);
	_cleanup_(util_freep) char *provider = util_read_line(path);
	rmdir(dir);
	return provider ? util_json_text(provider, strlen(provider)) : json_null();
}

static json_t *read_measurement(const char *name)
{
	_cleanup_(util_freep) char *value = NULL;
	size_t size = 0;
	char path[512];

	snprintf(path, sizeof(path), MEASUREMENTS "/%s", name);
	int r = util_read_file(path, 4096, &value, &size);
	json_t *entry =
	        json_pack("{s:o,s:b}", "name", util_json_text(name, strlen(name)), "ok", r == 0);
	util_json_set_errno(entry, r);
	if (r == 0)
		json_object_set_new(entry, "value", util_json_base64(value, size));
	return entry;
}

static json_t *read_measurements(void)
{
	json_t *list = json_array();
	DIR *dir = opendir(MEASUREMENTS);
	struct dirent *d;

	while (dir && (d = readdir(dir)) && json_array_size(list) < 64) {
		if (d->d_name[0] != '.')
			json_array_append_new(list, read_measurement(d->d_name));
	}
	if (dir)
		closedir(dir);
	return list;
}

json_t *probe_tsm(void *unused)
{
	json_t *mounted = json_null();

	(void)unused;
	if (!is_configfs(CONFIGFS))
		mounted = try_mount();
	return json_pack("{s:b,s:o,s:b,s:o,s:o}", "configfs", is_configfs(CONFIGFS), "mount",
	                 mounted, "path", access(CONFIGFS "/tsm/report", F_OK) == 0, "provider",
	                 find_provider(), "measurements", read_measurements());
}
