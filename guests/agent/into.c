/* SPDX-License-Identifier: Apache-2.0 */
/* `agent into`: who asks for the program, at layer 0's terminal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "agent/serve.h"
#include "agent/terminal.h"
#include "agent/util.h"
#include "format/task.h"

#define CHUNK       16384
#define OWN_FAILURE 125
#define SHELL       "command -v bash >/dev/null && exec bash --norc -i; exec sh -i"

struct asker {
	int fd, input, signals; /* -1: at its end */
	uint32_t wants;         /* bytes of input that may go */
	bool tty, ended;
	int status;
	uint8_t have[TASK_HEADER_SIZE + TASK_RECORD_MAX];
	size_t used;
};

static void ask(struct asker *a, enum task_record type, const void *data, size_t size)
{
	uint8_t bytes[TASK_HEADER_SIZE + CHUNK];

	task_header(bytes, type, (uint32_t)size);
	memcpy(bytes + TASK_HEADER_SIZE, data, size);
	if (util_write_all(a->fd, bytes, TASK_HEADER_SIZE + size) < 0)
		a->input = -1; /* what is read next says that it is gone */
}

static json_t *environment(const char *id)
{
	const char *term = getenv("TERM");
	char prompt[200], terminal[80];

	snprintf(prompt, sizeof(prompt), "PS1=[%.150s] \\w \\$ ", id);
	snprintf(terminal, sizeof(terminal), "TERM=%.60s", term && *term ? term : "dumb");
	return json_pack("[s,s,s,s,s]",
	                 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	                 "HOME=/root", "LANG=C.UTF-8", terminal, prompt);
}

static int ask_program(struct asker *a, const char *id, char **program)
{
	char *shell[] = {(char *)"/bin/sh", (char *)"-c", (char *)SHELL, NULL};
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	json_t *argv = json_array(), *run;
	_cleanup_(util_freep) char *text = NULL;

	for (char **word = program[0] ? program : shell; *word; word++)
		json_array_append_new(argv, json_string(*word));
	ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	run = json_pack("{s:o, s:o, s:s, s:b, s:i, s:i}", "argv", argv, "env", environment(id),
	                "cwd", "/", "tty", a->tty, "rows", (int)size.ws_row, "columns",
	                (int)size.ws_col);
	text = run ? json_dumps(run, JSON_COMPACT) : NULL;
	json_decref(run);
	if (!text || strlen(text) > CHUNK)
		return text ? -E2BIG : -ENOMEM;
	ask(a, TASK_RUN, text, strlen(text));
	return 0;
}

/* ---- what comes back ---- */

static void take_end(struct asker *a, const char *text, size_t size)
{
	json_t *end = json_loadb(text, size, 0, NULL);
	int signal = (int)json_integer_value(json_object_get(end, "signal"));

	a->ended = true;
	if (json_is_true(json_object_get(end, "started"))) {
		a->status = signal ? 128 + (signal & 127)
		                   : (int)json_integer_value(json_object_get(end, "exit")) & 255;
	} else {
		const char *why = util_json_string(end, "errname", "?");

		fprintf(stderr, "tception: it can't be started in there: %s\r\n", why);
		a->status = strcmp(why, "ENOENT") == 0 ? 127 : 126;
	}
	json_decref(end);
}

/* -errno when nothing can be said any more. */
static int take_record(struct asker *a, uint8_t type, const uint8_t *data, size_t size)
{
	switch (type) {
	case TASK_WANT:
		a->wants += size == 4 ? task_get32(data) : 0;
		return 0;
	case TASK_OUTPUT:
		return util_write_all(STDOUT_FILENO, data, size);
	case TASK_ERROR:
		return util_write_all(STDERR_FILENO, data, size);
	case TASK_END:
		take_end(a, (const char *)data, size);
		return 0;
	default:
		return -EPROTO;
	}
}

static int take(struct asker *a)
{
	ssize_t n = read(a->fd, a->have + a->used, sizeof(a->have) - a->used);
	int r = 0;

	if (n <= 0)
		return n < 0 && errno == EINTR ? 0 : -ENODATA;
	a->used += (size_t)n;
	while (r == 0 && !a->ended && a->used >= TASK_HEADER_SIZE) {
		size_t size = task_get32(a->have + 1);

		if (size > TASK_RECORD_MAX)
			return -EPROTO;
		if (a->used < TASK_HEADER_SIZE + size)
			break;
		r = take_record(a, a->have[0], a->have + TASK_HEADER_SIZE, size);
		a->used -= TASK_HEADER_SIZE + size;
		memmove(a->have, a->have + TASK_HEADER_SIZE + size, a->used);
	}
	return r;
}

/* ---- what goes in ---- */

static void give(struct asker *a)
{
	uint8_t data[CHUNK];
	size_t most = a->wants < sizeof(data) ? a->wants : sizeof(data);
	ssize_t n = read(a->input, data, most);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		a->input = -1;
	n = n < 0 ? 0 : n;
	a->wants -= (uint32_t)n;
	ask(a, TASK_INPUT, data, (size_t)n);
}

static void take_signal(struct asker *a)
{
	struct signalfd_siginfo si;
	struct winsize size;
	uint8_t bytes[4];

	if (read(a->signals, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo != SIGWINCH) {
		bytes[0] = (uint8_t)si.ssi_signo;
		ask(a, si.ssi_signo == SIGHUP ? TASK_HANGUP : TASK_SIGNAL, bytes,
		    si.ssi_signo == SIGHUP ? 0 : 1);
		return;
	}
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	task_put32(bytes, size.ws_row | (uint32_t)size.ws_col << 16);
	ask(a, TASK_SIZE, bytes, sizeof(bytes));
}

static int converse(struct asker *a)
{
	int r = 0;

	while (r == 0 && !a->ended) {
		struct pollfd fd[] = {
		        {.fd = a->fd, .events = POLLIN},
		        {.fd = a->wants ? a->input : -1, .events = POLLIN},
		        {.fd = a->signals, .events = POLLIN},
		};

		if (poll(fd, COUNT_OF(fd), -1) < 0 && errno != EINTR)
			return -errno;
		if (fd[2].revents)
			take_signal(a);
		if (fd[1].revents)
			give(a);
		if (fd[0].revents)
			r = take(a);
	}
	return r;
}

/* ---- beginning and end ---- */

/* The layers, in a process of their own: their errors come on our standard error. */
static pid_t start_layers(const json_t *object, int ours, int theirs)
{
	const char *what = "";
	struct visit visit;
	struct channel c;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	close(ours);
	signal(SIGPIPE, SIG_IGN);
	setsid();
	if (visit_parse(object, &visit, &what) < 0) {
		util_log("VISIT: bad or missing member '%s'", what);
		_exit(1);
	}
	channel_init(&c, theirs, theirs, false);
	_exit(terminal_serve(&c, &visit) < 0);
}

static int catch_signals(void)
{
	static const int ours[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGWINCH};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < COUNT_OF(ours); i++)
		sigaddset(&set, ours[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static const char *innermost(const json_t *object)
{
	const json_t *stack = json_object_get(object, "stack");
	size_t n = json_array_size(stack);

	return util_json_string(json_array_get(stack, n ? n - 1 : 0), "id", "?");
}

int into_main(char **args)
{
	static struct asker a = {.status = OWN_FAILURE};
	_cleanup_(util_json_decrefp) json_t *object = json_loads(args[0], 0, NULL);
	struct termios before, raw;
	int fd[2], r;
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	if (!object || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
		util_log("into: %s", object ? strerror(errno) : "no JSON");
		return OWN_FAILURE;
	}
	pid = start_layers(object, fd[0], fd[1]);
	close(fd[1]);
	a.fd = fd[0];
	a.input = STDIN_FILENO;
	a.signals = catch_signals();
	a.tty = tcgetattr(STDIN_FILENO, &before) == 0;
	if (a.tty) {
		raw = before;
		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	}
	r = ask_program(&a, innermost(object), args + 1);
	if (r == 0)
		r = converse(&a);
	close(a.fd);
	waitpid(pid, NULL, 0);
	if (a.tty)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	if (r < 0)
		fprintf(stderr, "tception: %s was not reached, or is gone\n", innermost(object));
	return r < 0 ? OWN_FAILURE : a.status;
}
