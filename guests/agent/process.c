/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/util.h"

#define CGROUPS     "/sys/fs/cgroup"
#define OUTPUT_TAIL 300 /* bytes of a failed command's output that are worth keeping */

void command_add(struct command *c, const char *word)
{
	char *copy = c->count < ARGV_MAX ? strdup(word) : NULL;

	if (copy)
		c->argv[c->count++] = copy;
	else
		c->failed = true;
}

void command_addf(struct command *c, const char *fmt, ...)
{
	char *word = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&word, fmt, ap) < 0)
		word = NULL;
	va_end(ap);
	if (word)
		command_add(c, word);
	else
		c->failed = true;
	free(word);
}

static void add_words(struct command *c, va_list ap)
{
	const char *word;

	while ((word = va_arg(ap, const char *)))
		command_add(c, word);
}

void command_add_all(struct command *c, ...)
{
	va_list ap;

	va_start(ap, c);
	add_words(c, ap);
	va_end(ap);
}

void command_measure(struct command *c, const char *what, const char *path)
{
	struct measured *m = &c->measured[c->measures];

	if (c->measures == sizeof(c->measured) / sizeof(*m) || strlen(path) >= sizeof(m->path)) {
		c->failed = true;
		return;
	}
	m->what = what;
	snprintf(m->path, sizeof(m->path), "%s", path);
	c->measures++;
}

void command_done(struct command *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->argv[i]);
	*c = (struct command){0};
}

int trouble_set(struct trouble *t, int code, const char *step, const char *fmt, ...)
{
	va_list ap;

	if (!t)
		return code;
	snprintf(t->step, sizeof(t->step), "%s", step);
	va_start(ap, fmt);
	vsnprintf(t->reason, sizeof(t->reason), fmt, ap);
	va_end(ap);
	return code;
}

/* Makes the child's cgroup, when the hierarchy is there and ours. */
static void make_cgroup(const char *name, char *path, size_t size)
{
	snprintf(path, size, CGROUPS "/tception-%s", name);
	if (access(CGROUPS "/cgroup.procs", W_OK) < 0 || mkdir(path, 0755) < 0)
		path[0] = 0;
}

static void cgroup_write(const char *cgroup, const char *file, const char *text)
{
	char path[128];

	if (!cgroup[0])
		return;
	snprintf(path, sizeof(path), "%s/%s", cgroup, file);
	util_write_file(path, text, strlen(text));
}

int process_become(uid_t uid, gid_t group)
{
	char runtime[64];

	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0);
	setenv("HOME", "/root", 0);
	if (uid == 0)
		return 0;
	snprintf(runtime, sizeof(runtime), "/run/user/%u", (unsigned)uid);
	setenv("XDG_RUNTIME_DIR", runtime, 1);
	setenv("HOME", "/home/tception", 1);
	setenv("USER", "tception", 1);
	if (setgroups(group ? 1 : 0, &group) < 0 || setgid(uid) < 0 || setuid(uid) < 0 ||
	    chdir("/home/tception") < 0)
		return -errno;
	return 0;
}

/* In the forked process: never returns. `report` is closed by a successful exec. */
static void become_command(const struct command *command, const char *cgroup, const int fd[3],
                           int report)
{
	sigset_t none;
	int r;

	setsid();
	cgroup_write(cgroup, "cgroup.procs", "0");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	r = process_become(command->uid, command->group);
	for (int i = 0; r == 0 && i < 3; i++)
		r = dup2(fd[i], i) < 0 ? -errno : 0;
	if (r == 0) {
		execvp(command->argv[0], command->argv);
		r = -errno;
	}
	util_write_all(report, &r, sizeof(r));
	_exit(127);
}

/* Pipe pairs 0..2 are the command's stdin, stdout, stderr; 3 tells of a failed exec. */
static int start(const struct command *command, const char *cgroup, int pipes[4][2], pid_t *ret)
{
	int fd[3] = {pipes[0][0], pipes[1][1], pipes[2][1]};
	int error = 0;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_command(command, cgroup, fd, pipes[3][1]);
	close(pipes[3][1]);
	pipes[3][1] = -1;
	ssize_t n = read(pipes[3][0], &error, sizeof(error));
	if (n == sizeof(error)) {
		waitpid(pid, NULL, 0);
		return error;
	}
	*ret = pid;
	return 0;
}

int process_start(const struct command *command, const char *name, struct process *ret)
{
	int pipes[4][2] = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
	struct process p = {.pid = -1};
	int r = command->failed || command->count == 0 ? -E2BIG : 0;

	for (int i = 0; r == 0 && i < 4; i++)
		r = pipe2(pipes[i], O_CLOEXEC) < 0 ? -errno : 0;
	make_cgroup(name, p.cgroup, sizeof(p.cgroup));
	if (r == 0)
		r = start(command, p.cgroup, pipes, &p.pid);
	p.in = pipes[0][1], p.out = pipes[1][0], p.err = pipes[2][0];
	util_closep(&pipes[0][0]);
	util_closep(&pipes[1][1]);
	util_closep(&pipes[2][1]);
	util_closep(&pipes[3][0]);
	util_closep(&pipes[3][1]);
	if (r < 0) {
		process_done(&p);
		return r;
	}
	fcntl(p.in, F_SETFL, O_NONBLOCK);
	fcntl(p.out, F_SETFL, O_NONBLOCK);
	fcntl(p.err, F_SETFL, O_NONBLOCK);
	*ret = p;
	return 0;
}

bool process_ended(struct process *p, int *ret_status)
{
	return waitpid(p->pid, ret_status, WNOHANG) == p->pid;
}

void process_kill(const struct process *p)
{
	if (p->pid > 0)
		kill(-p->pid, SIGKILL);
	cgroup_write(p->cgroup, "cgroup.kill", "1");
}

void process_done(struct process *p)
{
	int *const fd[] = {&p->in, &p->out, &p->err};

	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		util_closep(fd[i]);
		*fd[i] = -1;
	}
	if (!p->cgroup[0])
		return;
	cgroup_write(p->cgroup, "cgroup.kill", "1");
	/* Killed processes leave a cgroup a little later. */
	for (int i = 0; i < 20 && rmdir(p->cgroup) < 0 && errno == EBUSY; i++)
		util_sleep_ms(10);
}

/* The last bytes of what a command said. */
struct tail {
	char text[2048];
	size_t used;
};

static void tail_add(struct tail *t, const char *data, size_t size)
{
	if (size > sizeof(t->text) / 2) {
		data += size - sizeof(t->text) / 2;
		size = sizeof(t->text) / 2;
	}
	if (t->used + size > sizeof(t->text)) {
		size_t keep = sizeof(t->text) / 2;
		memmove(t->text, t->text + t->used - keep, keep);
		t->used = keep;
	}
	memcpy(t->text + t->used, data, size);
	t->used += size;
}

/* Reads what has come; false once both pipes have ended. */
static bool drain(struct process *p, struct tail *tail)
{
	int *const fd[] = {&p->out, &p->err};
	char data[1024];

	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		ssize_t n;
		while (*fd[i] >= 0 && (n = read(*fd[i], data, sizeof(data))) >= 0) {
			if (n == 0) {
				close(*fd[i]);
				*fd[i] = -1;
			}
			tail_add(tail, data, (size_t)n);
		}
	}
	return p->out >= 0 || p->err >= 0;
}

static void tail_report(struct tail *tail, struct trouble *t, const char *step, const char *what,
                        const char *program)
{
	while (tail->used && (unsigned char)tail->text[tail->used - 1] <= ' ')
		tail->used--;
	size_t n = tail->used < OUTPUT_TAIL ? tail->used : OUTPUT_TAIL;
	trouble_set(t, 0, step, "%s %s: %.*s", program, what, (int)n, tail->text + tail->used - n);
}

int command_run(const struct command *c, const char *step, int64_t end_ms, struct trouble *t)
{
	static unsigned counter;
	struct tail tail = {.used = 0};
	struct process p;
	char name[32], what[48];
	int status = 0;

	snprintf(name, sizeof(name), "setup-%u", counter++);
	int r = process_start(c, name, &p);
	if (r < 0)
		return trouble_set(t, r, step, "%s: %s", c->count ? c->argv[0] : "?", strerror(-r));
	close(p.in);
	p.in = -1;
	/* It has ended when the process has: a daemon of its own may hold the pipes open. */
	while (!process_ended(&p, &status)) {
		struct pollfd fds[] = {{.fd = p.out, .events = POLLIN},
		                       {.fd = p.err, .events = POLLIN}};
		if (util_now_ms() >= end_ms) {
			process_kill(&p);
			waitpid(p.pid, NULL, 0);
			r = -ETIMEDOUT;
			break;
		}
		poll(fds, COUNT_OF(fds), 10);
		drain(&p, &tail);
	}
	drain(&p, &tail);
	if (r == 0 && status != 0)
		r = -ECHILD;
	snprintf(what, sizeof(what), "failed (wait status %#x)", (unsigned)status);
	if (r < 0)
		tail_report(&tail, t, step, r == -ETIMEDOUT ? "timed out" : what, c->argv[0]);
	process_done(&p);
	return r;
}

int command_quiet(int deadline_ms, ...)
{
	struct command c = {0};
	va_list ap;

	va_start(ap, deadline_ms);
	add_words(&c, ap);
	va_end(ap);
	int r = command_run(&c, "", util_now_ms() + deadline_ms, NULL);
	command_done(&c);
	return r;
}
