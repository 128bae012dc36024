/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/weak.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/rootfs.h"
#include "agent/util.h"

#define SHELL      "/usr/sbin/sshd"
#define SHELL_PORT 22

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
	snprintf(path, sizeof(path), "%s" SHELL, dir);
	if (r == 0)
		r = util_copy_file(AGENT_FILE, path, 0755);
	if (r == 0 && chown(path, owner, owner) < 0)
		r = -errno;
	return r == 0 ? 0 : trouble_set(t, r, "rootfs", "%s: %s", path, strerror(-r));
}

/* The port is open before the program starts, so that nobody has to wait for it. */
int weak_start_shell(void)
{
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(SHELL_PORT)};
	_cleanup_(util_closep) int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 1) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(SHELL, "sshd", NULL);
		_exit(127);
	}
	return 0;
}

bool weak_be_shell(const char *name)
{
	if (strcmp(name, "sshd") != 0)
		return false;
	for (;;)
		pause();
}
