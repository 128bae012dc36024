/* SPDX-License-Identifier: Apache-2.0 */
/* What parts this layer from the one below: namespaces, ID maps, capability sets. Numbers only; who
 * compares them judges. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/probe.h"
#include "agent/util.h"

#define MAP_MAX 2048 /* bytes of an ID map that are reported */

static const char *const kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};

/* Of two processes under one kernel, the numbers are equal exactly when they share
 * the namespace. */
static json_t *namespaces(void)
{
	json_t *object = json_object();

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		char path[40];
		struct stat st;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		json_object_set_new(object, kinds[i],
		                    stat(path, &st) < 0 ? json_null()
		                                        : json_integer((json_int_t)st.st_ino));
	}
	return object;
}

static json_t *id_map(const char *path)
{
	_cleanup_(util_freep) char *map = util_read_line(path);

	return map ? util_json_text(map, strnlen(map, MAP_MAX)) : json_null();
}

static json_t *capabilities(void)
{
	static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
	_cleanup_(util_freep) char *status = NULL;
	json_t *object = json_object();

	if (util_read_file("/proc/self/status", 64 << 10, &status, NULL) < 0)
		return object;
	for (size_t i = 0; i < COUNT_OF(sets); i++) {
		_cleanup_(util_freep) char *value = probe_status_value(status, sets[i]);
		json_object_set_new(object, sets[i],
		                    value ? util_json_text(value, strlen(value)) : json_null());
	}
	return object;
}

json_t *probe_isolation(void *unused)
{
	(void)unused;
	return json_pack("{s:o,s:o,s:o,s:o}", "namespaces", namespaces(), "uid_map",
	                 id_map("/proc/self/uid_map"), "gid_map", id_map("/proc/self/gid_map"),
	                 "capabilities", capabilities());
}
