/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/util.h"

#define RESULT_MAX (4u << 20) /* bytes of JSON text */

/* One line of the process's, or -errno; -EPROTO where it ended before. */
static int collect(int fd, int64_t end_ms, char **ret, size_t *ret_size)
{
	_cleanup_(util_freep) char *data = NULL;
	size_t size = 0, room = 0;

	while (size == 0 || data[size - 1] != '\n') {
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
			return -EPROTO;
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
	for (int i = 0; i < 50 && waitpid(pid, NULL, WNOHANG) == 0; i++) {
		if (i < 5)
			sched_yield();
		else
			util_sleep_ms(i < 15 ? 1 : 10);
	}
}

/* A line has no newline within: JSON escapes them. At once, for a write is dear in some layers. */
static bool tell(int fd, guard_fn fn, void *arg)
{
	_cleanup_(util_json_decrefp) json_t *object = fn(arg);
	_cleanup_(util_freep) char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	size_t size = text ? strlen(text) : 0;

	if (!text)
		return false;
	text[size++] = '\n'; /* in place of its end */
	return util_write_all(fd, text, size) == 0;
}

static void serve(int go, int out, const struct guarded *of, size_t count, void *arg)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < count && read(go, &byte, 1) == 1; i++) {
		if (!tell(out, of[i].run, arg))
			_exit(1);
	}
	_exit(0);
}

int guard_start(struct guard *g, const struct guarded *of, size_t count, void *arg)
{
	int go[2], in[2], r = 0;

	*g = (struct guard){.pid = -1, .go = -1, .in = -1};
	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	g->go = go[1];
	if (pipe2(in, O_CLOEXEC) < 0) {
		r = -errno;
		close(go[0]);
	} else {
		g->in = in[0];
		g->pid = fork();
		if (g->pid == 0) {
			close(go[1]);
			serve(go[0], in[1], of, count, arg);
		}
		r = g->pid < 0 ? -errno : 0;
		close(go[0]);
		close(in[1]);
	}
	if (r < 0)
		guard_end(g);
	return r;
}

json_t *guard_next(struct guard *g, int deadline_ms, int *ret_errno)
{
	_cleanup_(util_freep) char *text = NULL;
	size_t size = 0;
	int r = util_write_all(g->go, "", 1);

	*ret_errno = 0;
	if (r == 0)
		r = collect(g->in, util_now_ms() + deadline_ms, &text, &size);
	json_t *object = r < 0 ? NULL : json_loadb(text, size, 0, NULL);
	if (!object) {
		*ret_errno = r < 0 && r != -EPIPE ? -r : EPROTO;
		if (g->pid > 0)
			kill(g->pid, SIGKILL);
		guard_end(g);
	}
	return object;
}

void guard_end(struct guard *g)
{
	util_closep(&g->go);
	util_closep(&g->in);
	if (g->pid > 0)
		bury(g->pid);
	*g = (struct guard){.pid = -1, .go = -1, .in = -1};
}

json_t *guard_run(guard_fn fn, void *arg, int deadline_ms, int *ret_errno)
{
	const struct guarded one = {.run = fn};
	struct guard g;
	int r = guard_start(&g, &one, 1, arg);

	*ret_errno = r < 0 ? -r : 0;
	if (r < 0)
		return NULL;
	json_t *object = guard_next(&g, deadline_ms, ret_errno);
	guard_end(&g);
	return object;
}
