/* SPDX-License-Identifier: Apache-2.0 */
#include "run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"

struct process {
	sd_event_source *child;
	process_ended_fn ended;
	void *userdata;
	pid_t pid;
	bool over;
};

int process_signals_init(struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return err_sys(e, -errno, "signal set-up");
	return 0;
}

/* In the child, between fork and exec: async-signal-safe calls only. Tells errno
 * through `report`. */
__attribute__((noreturn)) static void become(const struct process_spec *s, pid_t parent, int report)
{
	sigset_t none;
	int code;

	sigemptyset(&none);
	/* getppid: our parent may have died before the request was made. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || setpgid(0, 0) < 0)
		goto fail;
	if (signal(SIGPIPE, SIG_DFL) == SIG_ERR || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		goto fail;
	close(STDIN_FILENO);
	if (open("/dev/null", O_RDONLY) != STDIN_FILENO || dup2(s->output, STDOUT_FILENO) < 0 ||
	    dup2(s->output, STDERR_FILENO) < 0)
		goto fail;
	if (s->channel > 0 &&
	    (dup2(s->channel, STDIN_FILENO) < 0 || dup2(s->channel, STDOUT_FILENO) < 0))
		goto fail;
	for (size_t i = 0; i < s->keeps; i++) {
		if (fcntl(s->keep[i], F_SETFD, 0) < 0)
			goto fail;
	}
	execv(s->argv[0], s->argv);
fail:
	code = errno ? errno : EIO;
	if (write(report, &code, sizeof(code)) < 0)
		_exit(126);
	_exit(127);
}

/* Everything of ours is O_CLOEXEC, so only `keep` and the output get through. */
static int spawn(const struct process_spec *s, pid_t *ret, struct err *e)
{
	_cleanup_(closep) int in = -1, out = -1;
	pid_t parent = getpid(), pid;
	int fd[2], code = 0;
	ssize_t n;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "pipe");
	in = fd[0];
	out = fd[1];
	pid = fork();
	if (pid < 0)
		return err_sys(e, -errno, "fork");
	if (pid == 0)
		become(s, parent, out);
	close(TAKE_FD(out));
	do
		n = read(in, &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	if (n == 0) { /* closed by the exec */
		*ret = pid;
		return 0;
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return err_sys(e, n == sizeof(code) ? -code : -EIO, "cannot start %s", s->argv[0]);
}

static int on_child(sd_event_source *source, const siginfo_t *si, void *userdata)
{
	struct process *p = userdata;

	(void)source;
	kill(-p->pid, SIGKILL); /* stragglers of its group; not reaped yet, so the number is ours */
	p->over = true;
	p->ended(p, si->si_code, si->si_status, p->userdata); /* may free `p` */
	return 0;
}

int process_start(sd_event *event, const struct process_spec *spec, process_ended_fn ended,
                  void *userdata, struct process **ret, struct err *e)
{
	struct process *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_nomem(e);
	p->ended = ended;
	p->userdata = userdata;
	r = spawn(spec, &p->pid, e);
	if (r < 0) {
		free(p);
		return r;
	}
	r = sd_event_add_child(event, &p->child, p->pid, WEXITED, on_child, p);
	if (r < 0) {
		kill(-p->pid, SIGKILL);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
		free(p);
		return err_sys(e, r, "watching %s", spec->argv[0]);
	}
	*ret = p;
	return 0;
}

bool process_adopt(struct process *p, process_ended_fn ended, void *userdata)
{
	p->ended = ended;
	p->userdata = userdata;
	return !p->over;
}

void process_kill(struct process *p)
{
	if (!p->over)
		kill(-p->pid, SIGKILL);
}

void process_free(struct process *p)
{
	if (!p)
		return;
	/* Not reaped yet, so the number is still ours. */
	if (!p->over) {
		kill(-p->pid, SIGKILL);
		sd_event_source_set_enabled(p->child, SD_EVENT_OFF);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	sd_event_source_unref(p->child);
	free(p);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* Reads `fd` to its end; -ETIMEDOUT. What does not fit is dropped. */
static int read_all(int fd, int64_t until, char *output, size_t size)
{
	char buffer[4096];
	size_t used = 0;
	int r = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = until - now_ms();
		ssize_t n;

		if (left <= 0 || (n = poll(&p, 1, (int)left)) == 0) {
			r = -ETIMEDOUT;
			break;
		}
		if (n < 0 && errno == EINTR)
			continue;
		n = read(fd, buffer, sizeof(buffer));
		if (n <= 0)
			break;
		if ((size_t)n > size - 1 - used)
			n = (ssize_t)(size - 1 - used);
		memcpy(output + used, buffer, (size_t)n);
		used += (size_t)n;
	}
	output[used] = 0;
	return r;
}

int process_capture(char *const *argv, int deadline_ms, char *output, size_t size)
{
	_cleanup_(closep) int in = -1, out = -1;
	int fd[2], status, r;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return -errno;
	in = fd[0];
	out = fd[1];
	r = spawn(&(struct process_spec){.argv = argv, .output = out}, &pid, NULL);
	if (r < 0)
		return r;
	close(TAKE_FD(out));
	r = read_all(in, now_ms() + deadline_ms, output, size);
	/* It has closed its output or is late: in neither case is there more to wait for. */
	if (r < 0)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
