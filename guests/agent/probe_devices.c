/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes: whether they are there, who owns them, and whether this layer may open them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/probe.h"
#include "agent/util.h"

static const char *const paths[] = {
        "/dev/tdx_guest", "/dev/tdx-guest", "/dev/tdx-attest", "/dev/kvm",
        "/dev/vsock",     "/dev/tpm0",      "/dev/sev-guest",
};

static json_t *try_open(const char *path)
{
	/* A TPM lets one opener in at a time, and says so with EBUSY: that is a finding too. */
	_cleanup_(util_closep) int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error = fd < 0 ? errno : 0;
	json_t *result = json_pack("{s:b}", "ok", fd >= 0);

	util_json_set_errno(result, error);
	return result;
}

static json_t *look_at(const char *path)
{
	json_t *node = json_pack("{s:s}", "path", path);
	struct stat st;
	char mode[8];

	if (stat(path, &st) < 0) {
		json_object_set_new(node, "exists", json_false());
		json_object_set_new(node, "open", try_open(path));
		return node;
	}
	snprintf(mode, sizeof(mode), "%04o", (unsigned)(st.st_mode & 07777));
	json_object_set_new(node, "exists", json_true());
	json_object_set_new(node, "mode", json_string(mode));
	json_object_set_new(node, "uid", json_integer(st.st_uid));
	json_object_set_new(node, "gid", json_integer(st.st_gid));
	json_object_set_new(node, "major", json_integer(major(st.st_rdev)));
	json_object_set_new(node, "minor", json_integer(minor(st.st_rdev)));
	json_object_set_new(node, "open", try_open(path));
	return node;
}

json_t *probe_devices(void *unused)
{
	json_t *nodes = json_array();

	(void)unused;
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		json_array_append_new(nodes, look_at(paths[i]));
	return json_pack("{s:o}", "nodes", nodes);
}
