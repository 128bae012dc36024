/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of the host's: the kernel's own FUSE asks, and what it asks goes by a virtio port to the
 * host, whose answers come back the same way (harness/td/sharefs.h). Both ways begin each message
 * with its length.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "agent/td.h"
#include "agent/util.h"
#include "format/task.h"

#define READ_MAX (128u << 10) /* bytes of one read */
#define MESSAGE_MAX \
	(READ_MAX + 4096) /* more than the host's SHAREFS_MESSAGE_MAX is not asked for */
#define HEADER_SIZE 16    /* of an answer */

static void ask(int fuse, int port)
{
	static uint8_t data[MESSAGE_MAX];

	for (;;) {
		ssize_t n = read(fuse, data, sizeof(data));

		if (n < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
			continue; /* interrupted before it was read */
		if (n <= 0 || util_write_all(port, data, (size_t)n) < 0)
			return;
	}
}

static bool read_whole(int port, uint8_t *to, size_t size)
{
	while (size) {
		ssize_t n = read(port, to, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		to += n;
		size -= (size_t)n;
	}
	return true;
}

static void answer(int fuse, int port)
{
	static uint8_t data[MESSAGE_MAX];

	while (read_whole(port, data, sizeof(uint32_t))) {
		uint32_t size = task_get32(data);

		if (size < HEADER_SIZE || size > sizeof(data) ||
		    !read_whole(port, data + sizeof(size), size - sizeof(size)))
			return;
		/* ENOENT: whoever asked does not wait any more. */
		if (write(fuse, data, size) < 0 && errno == ENODEV)
			return;
	}
}

static int start(void (*run)(int fuse, int port), int fuse, int port)
{
	pid_t pid = fork();

	if (pid == 0) {
		run(fuse, port);
		util_log("shared folder: its port has ended");
		_exit(1);
	}
	return pid < 0 ? -errno : 0;
}

int td_share_mount(const char *path, bool read_only, int port)
{
	_cleanup_(util_closep) int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[160];

	if (fuse < 0)
		return -errno;
	snprintf(options, sizeof(options),
	         "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions,"
	         "max_read=%u",
	         fuse, READ_MAX);
	int r = util_mkdirs(path, 0755);
	if (r == 0 && mount("host", path, "fuse.tception",
	                    MS_NOSUID | MS_NODEV | (read_only ? MS_RDONLY : 0), options) < 0)
		r = -errno;
	if (r == 0)
		r = start(ask, fuse, port);
	if (r == 0)
		r = start(answer, fuse, port);
	return r;
}
