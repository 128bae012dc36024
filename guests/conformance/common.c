/* SPDX-License-Identifier: Apache-2.0 */
/* What the groups of rows share. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/conformance.h"

static void say(struct outcome *o, enum state state, const char *fmt, va_list ap)
{
	o->state = state;
	vsnprintf(o->saw, sizeof(o->saw), fmt, ap);
	for (char *p = o->saw; *p; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
}

#define SAY(name, state)                                   \
	void name(struct outcome *o, const char *fmt, ...) \
	{                                                  \
		va_list ap;                                \
                                                           \
		va_start(ap, fmt);                         \
		say(o, state, fmt, ap);                    \
		va_end(ap);                                \
	}
SAY(pass, STATE_PASS)
SAY(fail, STATE_FAIL)
SAY(skip, STATE_SKIP)

const char *errno_name(long error)
{
	const char *name = strerrorname_np((int)(error < 0 ? -error : error));

	return name ? name : "an unknown errno";
}

long read_file(const char *path, void *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = -1;
	int error;

	if (fd < 0)
		return -errno;
	while (used < size && (n = read(fd, (char *)out + used, size - used)) > 0)
		used += (size_t)n;
	error = errno;
	close(fd);
	return n < 0 && used == 0 ? -error : (long)used;
}

long write_file(const char *path, const void *data, size_t size, long offset)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int error;

	if (fd < 0)
		return -errno;
	n = pwrite(fd, data, size, offset);
	error = errno;
	close(fd);
	return n < 0 ? -error : n;
}

int get_tdreport(uint8_t fill, struct tdreport *ret)
{
	struct {
		uint8_t data[TDREPORT_DATA_SIZE];
		struct tdreport report;
	} request;
	int fd = open(TDX_NODE, O_RDWR | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	memset(&request, 0, sizeof(request));
	memset(request.data, fill, sizeof(request.data));
	if (ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 'T', 1, sizeof(request)), &request) < 0)
		error = errno;
	close(fd);
	*ret = request.report;
	return -error;
}

bool have_tdreport(struct outcome *o, uint8_t fill, struct tdreport *ret)
{
	int error = get_tdreport(fill, ret);

	if (error == -ENOENT || error == -EACCES || error == -EPERM)
		skip(o, "%s: %s", TDX_NODE, errno_name(error));
	else if (error < 0)
		fail(o, "no TDREPORT: %s", errno_name(error));
	return error == 0;
}

int signal_of(void (*f)(const void *of), const void *of)
{
	static const struct rlimit no_core = {0, 0};
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		f(of);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}
