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

#include "agent/place.h"
#include "agent/probe.h"
#include "agent/util.h"

#define CONFIGFS_MAGIC 0x62656570
#define MEASUREMENTS   PLACE_GUEST "/measurements"
#define OTHERS_MAX     16 /* entries of others that are told */
#define ENTRIES_MAX    64 /* entries that are made, to see whether somebody refuses */

static bool is_configfs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == CONFIGFS_MAGIC;
}

/* A container may have the empty directory and the right to mount: recorded, because we did it. */
static json_t *try_mount(void)
{
	int r = mount("configfs", PLACE_CONFIGFS, "configfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	json_t *result = json_pack("{s:b}", "ok", r == 0);

	util_json_set_errno(result, r < 0 ? errno : 0);
	return result;
}

/* The name of the provider can only be had from a report object; making one asks for no quote. */
static json_t *find_provider(void)
{
	char dir[128], path[160];

	if (place_entry())
		snprintf(dir, sizeof(dir), "%s", place_entry());
	else
		snprintf(dir, sizeof(dir), "%s/tception-look-%d", place_reports(), (int)getpid());
	if (!place_entry() && mkdir(dir, 0700) < 0)
		return json_null();
	snprintf(path, sizeof(path), "%s/provider", dir);
	_cleanup_(util_freep) char *provider = util_read_line(path);
	if (!place_entry())
		rmdir(dir);
	return provider ? util_json_text(provider, strlen(provider)) : json_null();
}

/* Entries of others: whether their quotes could be read; null where nobody can look. Opening one asks for none. */
static json_t *find_others(void)
{
	DIR *dir = opendir(place_reports());
	struct dirent *d;
	char path[400];

	if (!dir)
		return json_null();
	json_t *list = json_array();
	while ((d = readdir(dir)) && json_array_size(list) < OTHERS_MAX) {
		if (d->d_name[0] == '.' || d->d_type != DT_DIR)
			continue;
		snprintf(path, sizeof(path), "%s/%s/outblob", place_reports(), d->d_name);
		_cleanup_(util_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
		json_t *one = json_pack("{s:o}", "name",
		                        util_json_text(d->d_name, strlen(d->d_name)));
		util_json_set_errno(one, fd < 0 ? errno : 0);
		json_array_append_new(list, one);
	}
	closedir(dir);
	return list;
}

/* How many entries it may have at once; all are removed again. */
static json_t *count_entries(void)
{
	char path[160];
	int made = 0, error = 0;

	while (made < ENTRIES_MAX && error == 0) {
		snprintf(path, sizeof(path), "%s/tception-many-%d-%d", place_reports(),
		         (int)getpid(), made);
		error = mkdir(path, 0700) < 0 ? errno : 0;
		made += error == 0;
	}
	for (int i = 0; i < made; i++) {
		snprintf(path, sizeof(path), "%s/tception-many-%d-%d", place_reports(),
		         (int)getpid(), i);
		rmdir(path);
	}
	json_t *result = json_pack("{s:i,s:i}", "tried", made + (error != 0), "made", made);
	util_json_set_errno(result, error);
	return result;
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
	if (strcmp(place_reports(), PLACE_REPORTS) == 0 && !is_configfs(PLACE_CONFIGFS))
		mounted = try_mount();
	const char *path = place_entry() ? place_entry() : place_reports();
	return json_pack("{s:b,s:o,s:b,s:o,s:o,s:o,s:o}", "configfs", is_configfs(path), "mount",
	                 mounted, "path", access(path, F_OK) == 0, "provider", find_provider(),
	                 "others", find_others(), "entries", count_entries(), "measurements",
	                 read_measurements());
}
