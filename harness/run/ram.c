/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memfd has huge pages only where the administrator has said so for all of them
 * (/sys/kernel/mm/transparent_hugepage/shmem_enabled, which is `never`). A tmpfs of one's own says
 * it by an option; who is not root makes it in a user namespace. Both are a child's, which leaves
 * nothing but the file.
 */
#include "run/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"

/* ---- in the child ---- */

static int tell(const char *path, const char *text)
{
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || dprintf(fd, "%s", text) < 0 ? -1 : 0;
}

static int own_namespace(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char user[40], group[40];

	if (uid == 0)
		return 0;
	snprintf(user, sizeof(user), "0 %u 1", uid);
	snprintf(group, sizeof(group), "0 %u 1", gid);
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || tell("/proc/self/setgroups", "deny") < 0 ||
	                       tell("/proc/self/uid_map", user) < 0 ||
	                       tell("/proc/self/gid_map", group) < 0
	               ? -1
	               : 0;
}

/* In a file system that is mounted nowhere. */
static int huge_file(void)
{
	_cleanup_(closep) int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	_cleanup_(closep) int top = -1;

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "huge", "always", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "size", "0", 0) < 0 || /* no limit but memory's */
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	top = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return top < 0 ? -1 : openat(top, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* ---- one message with a descriptor ---- */

union control {
	char space[CMSG_SPACE(sizeof(int))];
	struct cmsghdr header;
};

static int send_fd(int to, int fd)
{
	union control c = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
	                              .cmsg_level = SOL_SOCKET,
	                              .cmsg_type = SCM_RIGHTS}};
	char byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr m = {.msg_iov = &data,
	                   .msg_iovlen = 1,
	                   .msg_control = c.space,
	                   .msg_controllen = sizeof(c.space)};

	*(int *)CMSG_DATA(&c.header) = fd;
	return sendmsg(to, &m, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int receive_fd(int from)
{
	union control c = {0};
	char byte;
	struct iovec data = {&byte, 1};
	struct msghdr m = {.msg_iov = &data,
	                   .msg_iovlen = 1,
	                   .msg_control = c.space,
	                   .msg_controllen = sizeof(c.space)};
	ssize_t n;

	while ((n = recvmsg(from, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	return n == 1 && m.msg_controllen == sizeof(c.space) && c.header.cmsg_type == SCM_RIGHTS
	               ? *(int *)CMSG_DATA(&c.header)
	               : -1;
}

/* ---- the file ---- */

/* -1 where there is none to be had: no failure. */
static int ask_child(void)
{
	int pair[2], fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		fd = own_namespace() < 0 ? -1 : huge_file();
		_exit(fd < 0 || send_fd(pair[1], fd) < 0);
	}
	close(pair[1]);
	fd = pid < 0 ? -1 : receive_fd(pair[0]);
	close(pair[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

int ram_file(uint64_t size, int *ret, struct err *e)
{
	_cleanup_(closep) int fd = ask_child();

	if (fd < 0)
		fd = memfd_create("tception-ram", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return err_sys(e, -errno, "memory of the guest");
	*ret = TAKE_FD(fd);
	return 0;
}
