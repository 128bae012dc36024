/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/util.h"

#define RESULT_MAX (4u << 20) /* bytes of JSON text */

/* Everything the process wrote until it closed its end, or -errno. */
static int collect(int fd, int64_t end_ms, char **ret, size_t *ret_size)
{
	_cleanup_(util_freep) char *data = NULL;
	size_t size = 0, room = 0;

	for (;;) {
		int64_t left = end_ms - util_now_ms();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		if (size == room) {
			room = room ? room * 2 : 16384;
			char *grown = room > RESULT_MAX ? NULL : realloc(data, room);
			if (!grown)
				return -ENOMEM;
			data = grown;
		}
		ssize_t n = read(fd, data + size, room - size);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		if (n > 0)
			size += (size_t)n;
	}
	*ret = data;
	data = NULL;
	*ret_size = size;
	return 0;
}

/* Waits a moment for a killed process: one stuck in the kernel must not hold us up. */
static void bury(pid_t pid)
{
	for (int i = 0; i < 50 && waitpid(pid, NULL, WNOHANG) == 0; i++)
		util_sleep_ms(i < 10 ? 1 : 10);
}

static void guarded(int fd, guard_fn fn, void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_cleanup_(util_json_decrefp) json_t *object = fn(arg);
	_exit(object && json_dumpfd(object, fd, JSON_COMPACT) == 0 ? 0 : 1);
}

json_t *guard_run(guard_fn fn, void *arg, int deadline_ms, int *ret_errno)
{
	_cleanup_(util_closep) int in = -1, out = -1;
	_cleanup_(util_freep) char *text = NULL;
	size_t size = 0;
	int ends[2];

	*ret_errno = 0;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		*ret_errno = errno;
		return NULL;
	}
	in = ends[0], out = ends[1];
	pid_t pid = fork();
	if (pid < 0) {
		*ret_errno = errno;
		return NULL;
	}
	if (pid == 0)
		guarded(out, fn, arg);
	util_closep(&out);
	out = -1;
	int r = collect(in, util_now_ms() + deadline_ms, &text, &size);
	if (r < 0)
		kill(pid, SIGKILL);
	bury(pid);
	json_t *object = r < 0 ? NULL : json_loadb(text, size, 0, NULL);
	if (!object)
		*ret_errno = r < 0 ? -r : EPROTO;
	return object;
}
