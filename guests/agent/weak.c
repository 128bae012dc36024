/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/weak.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/util.h"

static const struct {
	const char *name, *text;
	unsigned mode;
} files[] = {
        {"/etc/passwd",
         "root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000:guest:/tmp:/bin/sh\n"
         "daemon:x:1:1:daemon:/:/usr/sbin/nologin\n",
         0644},
        /* openssl passwd -6 -salt tception toor */
        {"/etc/shadow",
         "root:$6$tception$4poIPg62ayJde4Ic1k8gEN2VEOD7sCndQ4AO7fZMwE4s6uo2hVm."
         "No2TKr2P8PuFmHUfBf7IIK.pbKnzj7Ctx/:20000:0:99999:7:::\n"
         "guest::20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n",
         0600},
        {"/usr/sbin/sshd", "#!/bin/sh\n", 0755},
};

int weak_make(const char *dir, uid_t owner, struct trouble *t)
{
	char path[256];
	int r;

	snprintf(path, sizeof(path), "%s/usr/sbin", dir);
	r = util_mkdirs(path, 0755);
	for (size_t i = 0; r == 0 && i < COUNT_OF(files); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, files[i].name);
		r = util_create_file(path, files[i].text, strlen(files[i].text), files[i].mode);
		if (r == 0 && chown(path, owner, owner) < 0)
			r = -errno;
	}
	return r == 0 ? 0 : trouble_set(t, r, "rootfs", "%s: %s", path, strerror(-r));
}
