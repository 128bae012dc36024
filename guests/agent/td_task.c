/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of `tception td`, one after another on a port: format/task.h. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/td.h"
#include "agent/util.h"
#include "format/task.h"

#define WORDS_MAX 4096
#define CHUNK     16384
#define TICK_MS   50   /* how often the program's end is looked for without a pidfd */
#define HANGUP_MS 2000 /* between SIGHUP and SIGKILL, when nobody listens any more */

struct task {
	int from, to; /* who asked for it: one port, or two pipes */
	pid_t pid;
	int pidfd, in, out, err, report; /* `report`: what exec said; -1 once closed */
	bool tty, ended;
	int error, status;
	int64_t kill_ms;            /* when it is to be killed, or 0 */
	uint8_t input[TASK_WINDOW]; /* not yet taken by the program */
	size_t have;
	bool input_end;
};

struct record {
	uint8_t type;
	uint32_t size;
	uint8_t data[TASK_RECORD_MAX + 1]; /* a NUL behind its end */
};

/* ---- records ---- */

static int read_exactly(int port, void *data, size_t size)
{
	char *p = data;

	while (size) {
		ssize_t n = read(port, p, size);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n == 0)
			return -ENODATA;
		if (n > 0) {
			p += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

static int receive(int port, struct record *ret)
{
	uint8_t header[TASK_HEADER_SIZE];
	int r = read_exactly(port, header, sizeof(header));

	if (r < 0)
		return r;
	ret->type = header[0];
	ret->size = task_get32(header + 1);
	if (ret->size > TASK_RECORD_MAX)
		return -EPROTO;
	r = read_exactly(port, ret->data, ret->size);
	ret->data[ret->size] = 0;
	return r;
}

static int send_record(int port, enum task_record type, const void *data, size_t size)
{
	uint8_t bytes[TASK_HEADER_SIZE + CHUNK];

	task_header(bytes, type, (uint32_t)size);
	memcpy(bytes + TASK_HEADER_SIZE, data, size);
	return util_write_all(port, bytes, TASK_HEADER_SIZE + size);
}

static int want(const struct task *t, size_t size)
{
	uint8_t bytes[4];

	task_put32(bytes, (uint32_t)size);
	return size ? send_record(t->to, TASK_WANT, bytes, sizeof(bytes)) : 0;
}

/* ---- the program ---- */

static char **words(const json_t *list)
{
	size_t count = json_array_size(list);
	char **word = count < WORDS_MAX ? calloc(count + 1, sizeof(*word)) : NULL;

	for (size_t i = 0; word && i < count; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		word[i] = (char *)(text ? text : "");
	}
	return word;
}

static void set_environment(const json_t *run)
{
	const json_t *list = json_object_get(run, "env"), *item;
	size_t i;

	clearenv();
	json_array_foreach(list, i, item)
	{
		char *copy = strdup(json_string_value(item) ? json_string_value(item) : "");
		if (copy && strchr(copy, '='))
			putenv(copy);
	}
}

static int enter(const json_t *run)
{
	const char *root = util_json_string(run, "chroot", "");
	const char *folder = util_json_string(run, "cwd", "/");

	if (*root && chroot(root) < 0)
		return -errno;
	return chdir(folder) < 0 ? -errno : 0;
}

/* In the forked process: never returns. */
static void become(const json_t *run, const int fd[3], int terminal, int report)
{
	char **argv = words(json_object_get(run, "argv"));
	sigset_t none;
	int r;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	if (terminal >= 0)
		ioctl(terminal, TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++)
		dup2(fd[i], i);
	set_environment(run);
	r = enter(run);
	if (r == 0) {
		execvp(argv && argv[0] ? argv[0] : "", argv);
		r = -errno;
	}
	r = -r;
	if (write(report, &r, sizeof(r)) < 0)
		_exit(126);
	_exit(127);
}

static int open_terminal(struct task *t, const json_t *run, int far[3])
{
	struct winsize size = {
	        .ws_row = (uint16_t)json_integer_value(json_object_get(run, "rows")),
	        .ws_col = (uint16_t)json_integer_value(json_object_get(run, "columns")),
	};
	int ours, theirs;

	if (openpty(&ours, &theirs, NULL, NULL, &size) < 0)
		return -errno;
	fcntl(ours, F_SETFD, FD_CLOEXEC);
	t->out = ours;
	t->in = fcntl(ours, F_DUPFD_CLOEXEC, 3);
	far[0] = theirs;
	far[1] = fcntl(theirs, F_DUPFD_CLOEXEC, 3);
	far[2] = fcntl(theirs, F_DUPFD_CLOEXEC, 3);
	fcntl(theirs, F_SETFD, FD_CLOEXEC);
	return 0;
}

static int open_pipes(struct task *t, int far[3])
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		return -errno; /* the process has run out of descriptors; it is of no more use */
	t->in = in[1];
	t->out = out[0];
	t->err = err[0];
	far[0] = in[0];
	far[1] = out[1];
	far[2] = err[1];
	return 0;
}

static int start(struct task *t, const json_t *run)
{
	int far[3], report[2];
	int r = t->tty ? open_terminal(t, run, far) : open_pipes(t, far);

	if (r < 0 || pipe2(report, O_CLOEXEC) < 0)
		return r < 0 ? r : -errno;
	t->pid = fork();
	if (t->pid == 0)
		become(run, far, t->tty ? far[0] : -1, report[1]);
	r = t->pid < 0 ? -errno : 0;
	for (int i = 0; i < 3; i++)
		close(far[i]);
	close(report[1]);
	t->report = report[0];
	if (r == 0 && read(t->report, &t->error, sizeof(t->error)) != (ssize_t)sizeof(t->error))
		t->error = 0;
	t->pidfd = r == 0 ? (int)syscall(SYS_pidfd_open, t->pid, 0) : -1;
	if (r == 0 && t->pidfd < 0 && errno != ENOSYS) /* gVisor has none */
		r = -errno;
	fcntl(t->in, F_SETFL, O_NONBLOCK);
	fcntl(t->out, F_SETFL, O_NONBLOCK);
	if (t->err >= 0)
		fcntl(t->err, F_SETFL, O_NONBLOCK);
	return r;
}

/* ---- what goes on while it runs ---- */

static void close_input(struct task *t)
{
	if (t->tty && t->in >= 0 && write(t->in, "\004", 1) < 0)
		util_log("terminal: %s", strerror(errno));
	util_closep(&t->in);
	t->in = -1;
}

/* What the program takes of its input now; -errno of the port only. */
static int give_input(struct task *t)
{
	ssize_t n = t->in >= 0 && t->have ? write(t->in, t->input, t->have) : 0;
	int r;

	if (n < 0 && errno != EAGAIN && errno != EINTR) { /* it closed it: the rest is lost */
		close_input(t);
		t->have = 0;
		return 0;
	}
	if (n <= 0)
		n = 0;
	memmove(t->input, t->input + n, t->have - (size_t)n);
	t->have -= (size_t)n;
	r = want(t, (size_t)n);
	if (t->input_end && !t->have && t->in >= 0)
		close_input(t);
	return r;
}

static void resize(const struct task *t, const struct record *r)
{
	struct winsize size = {.ws_row = (uint16_t)(r->data[0] | r->data[1] << 8),
	                       .ws_col = (uint16_t)(r->data[2] | r->data[3] << 8)};

	if (t->tty && r->size == 4)
		ioctl(t->out, TIOCSWINSZ, &size);
}

static int take_input(struct task *t, const struct record *r)
{
	if (t->in < 0) /* gone: what still comes is thrown away */
		return want(t, r->size);
	if (r->size > sizeof(t->input) - t->have)
		return -EPROTO;
	memcpy(t->input + t->have, r->data, r->size);
	t->have += r->size;
	t->input_end |= r->size == 0;
	return give_input(t);
}

static int take_record(struct task *t, struct record *r)
{
	int code = receive(t->from, r);

	if (code < 0)
		return code;
	switch (r->type) {
	case TASK_INPUT:
		return take_input(t, r);
	case TASK_SIGNAL:
		if (r->size == 1 && !t->ended)
			kill(-t->pid, r->data[0]);
		return 0;
	case TASK_SIZE:
		resize(t, r);
		return 0;
	case TASK_HANGUP:
		if (!t->ended)
			kill(-t->pid, SIGHUP);
		t->kill_ms = util_now_ms() + HANGUP_MS;
		return 0;
	default:
		return -EPROTO;
	}
}

/* One read; returns how much, 0 when there is nothing now, -errno of the port. */
static int pass_on(struct task *t, int *fd, enum task_record type)
{
	uint8_t data[CHUNK];
	ssize_t n = *fd >= 0 ? read(*fd, data, sizeof(data)) : -1;

	if (n > 0) {
		int r = send_record(t->to, type, data, (size_t)n);
		return r < 0 ? r : (int)n;
	}
	if (*fd >= 0 && (n == 0 || (errno != EAGAIN && errno != EINTR))) {
		close(*fd);
		*fd = -1;
	}
	return 0;
}

static int wait_for_news(struct task *t, struct record *r)
{
	struct pollfd fd[] = {
	        {.fd = t->from, .events = POLLIN},
	        {.fd = t->pidfd, .events = POLLIN},
	        {.fd = t->out, .events = POLLIN},
	        {.fd = t->err, .events = POLLIN},
	        {.fd = t->have ? t->in : -1, .events = POLLOUT},
	};
	int64_t left = t->kill_ms ? t->kill_ms - util_now_ms() : t->pidfd < 0 ? TICK_MS : -1;
	int code = 0;

	if (t->kill_ms && left <= 0) {
		kill(-t->pid, SIGKILL);
		t->kill_ms = 0;
		left = -1;
	}
	if (poll(fd, COUNT_OF(fd), (int)left) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fd[2].revents)
		code = pass_on(t, &t->out, TASK_OUTPUT);
	if (code >= 0 && fd[3].revents)
		code = pass_on(t, &t->err, TASK_ERROR);
	if (code >= 0 && fd[4].revents)
		code = give_input(t);
	if (code >= 0 && fd[0].revents & POLLIN)
		code = take_record(t, r);
	if (fd[1].revents || t->pidfd < 0)
		t->ended = waitpid(t->pid, &t->status, WNOHANG) == t->pid;
	return code < 0 ? code : 0;
}

/* All that it had said when it ended; what it left running may go on, unheard. */
static int drain(struct task *t)
{
	int n;

	while ((n = pass_on(t, &t->out, TASK_OUTPUT)) > 0)
		;
	while (n >= 0 && (n = pass_on(t, &t->err, TASK_ERROR)) > 0)
		;
	return n;
}

static int send_end(struct task *t, int error)
{
	json_t *end = json_pack("{s:b}", "started", error == 0);
	_cleanup_(util_freep) char *text = NULL;

	if (error == 0 && WIFEXITED(t->status))
		json_object_set_new(end, "exit", json_integer(WEXITSTATUS(t->status)));
	if (error == 0 && WIFSIGNALED(t->status))
		json_object_set_new(end, "signal", json_integer(WTERMSIG(t->status)));
	util_json_set_errno(end, error);
	text = json_dumps(end, JSON_COMPACT);
	json_decref(end);
	return text ? send_record(t->to, TASK_END, text, strlen(text)) : -ENOMEM;
}

static void task_done(struct task *t)
{
	int *all[] = {&t->pidfd, &t->in, &t->out, &t->err, &t->report};

	for (size_t i = 0; i < COUNT_OF(all); i++)
		util_closep(all[i]);
}

/* -errno of the port only. */
static int run(int from, int to, struct record *r)
{
	_cleanup_(util_json_decrefp) json_t *object = json_loadb((char *)r->data, r->size, 0, NULL);
	_cleanup_(task_done) struct task t = {
	        .from = from, .to = to, .pidfd = -1, .in = -1, .out = -1, .err = -1, .report = -1};
	int code;

	t.tty = json_is_true(json_object_get(object, "tty"));
	code = object ? start(&t, object) : -EINVAL;
	if (code < 0)
		return send_end(&t, -code);
	code = want(&t, TASK_WINDOW);
	while (code >= 0 && !t.ended)
		code = wait_for_news(&t, r);
	if (code >= 0)
		code = drain(&t);
	return code < 0 ? code : send_end(&t, t.error);
}

int td_serve_tasks(int port)
{
	_cleanup_(util_freep) struct record *r = malloc(sizeof(*r));
	int code = r ? 0 : -ENOMEM;

	while (code >= 0) {
		code = receive(port, r);
		if (code >= 0 && r->type == TASK_RUN) /* the rest was for one that has ended */
			code = run(port, port, r);
	}
	return code;
}

int td_serve_task(int from, int to)
{
	_cleanup_(util_freep) struct record *r = malloc(sizeof(*r));
	int code = r ? receive(from, r) : -ENOMEM;

	if (code == 0)
		code = r->type == TASK_RUN ? run(from, to, r) : -EPROTO;
	return code;
}
