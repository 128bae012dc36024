/* SPDX-License-Identifier: Apache-2.0 */
/* What holds this layer in: LSM label, seccomp, capabilities, user namespace, mounts. */
#include <stdlib.h>
#include <string.h>

#include "agent/probe.h"
#include "agent/util.h"

#define MOUNTS_MAX 64 /* lines reported */

char *probe_status_value(const char *status, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = status; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) != 0 || line[length] != ':')
			continue;
		line += length + 1;
		line += strspn(line, " \t");
		return strndup(line, strcspn(line, "\n"));
	}
	return NULL;
}

static json_t *status_number(const char *status, const char *name)
{
	_cleanup_(util_freep) char *value = status ? probe_status_value(status, name) : NULL;

	return value ? json_integer(atoi(value)) : json_null();
}

static json_t *text_or_null(const char *text)
{
	return text ? util_json_text(text, strlen(text)) : json_null();
}

/* The initial user namespace maps all 32 bits of IDs onto themselves. */
static json_t *in_user_namespace(void)
{
	_cleanup_(util_freep) char *map = util_read_line("/proc/self/uid_map");
	unsigned long from, to, count;

	if (!map)
		return json_null();
	char *p = map;
	from = strtoul(p, &p, 10);
	to = strtoul(p, &p, 10);
	count = strtoul(p, &p, 10);
	return json_boolean(!(from == 0 && to == 0 && count == 0xffffffff));
}

/* The fifth field of a mountinfo line is the mount point. */
static bool is_wanted(const char *line)
{
	const char *p = line;

	for (int field = 1; field < 5 && p; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p && (strncmp(p, "/sys", 4) == 0 || strncmp(p, "/dev", 4) == 0 ||
	             strstr(p, " - configfs "));
}

static json_t *mounts(void)
{
	_cleanup_(util_freep) char *info = NULL;
	json_t *list = json_array();
	char *rest = NULL;

	if (util_read_file("/proc/self/mountinfo", 1 << 20, &info, NULL) < 0)
		return list;
	for (char *line = strtok_r(info, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (is_wanted(line) && json_array_size(list) < MOUNTS_MAX)
			json_array_append_new(list, util_json_text(line, strlen(line)));
	}
	return list;
}

json_t *probe_confinement(void *unused)
{
	_cleanup_(util_freep) char *status = NULL, *capeff = NULL;
	/* With AppArmor as one of several modules its own file answers, the old name may not. */
	_cleanup_(util_freep) char *label = util_read_line("/proc/self/attr/apparmor/current");

	(void)unused;
	if (!label)
		label = util_read_line("/proc/self/attr/current");
	if (util_read_file("/proc/self/status", 64 << 10, &status, NULL) < 0)
		status = NULL;
	capeff = status ? probe_status_value(status, "CapEff") : NULL;
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "apparmor", text_or_null(label), "seccomp",
	                 status_number(status, "Seccomp"), "no_new_privs",
	                 status_number(status, "NoNewPrivs"), "capeff", text_or_null(capeff),
	                 "userns", in_user_namespace(), "mounts", mounts());
}
